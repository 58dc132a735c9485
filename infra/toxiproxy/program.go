//go:build tools

// Package toxiproxy names the program that go.mod pins.
package toxiproxy

import _ "github.com/Shopify/toxiproxy/v2/cmd/server"
