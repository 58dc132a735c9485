//go:build tools

// Package s3 names the program that go.mod pins.
package s3

import _ "github.com/versity/versitygw/cmd/versitygw"
