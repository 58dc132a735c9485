// Runs the vectors that are compiled into siegel-vectors.wasm (wasm32-unknown-unknown). The program needs nothing from
// outside: no imports, no console. Its exit code is the number of wrong verdicts; a panic is a trap.
//
//   cargo build --release -p siegel-vectors --target wasm32-unknown-unknown
//   node crates/vectors/run-wasm.mjs target/wasm32-unknown-unknown/release/siegel-vectors.wasm
import { readFile } from "node:fs/promises";

const module = await WebAssembly.compile(await readFile(process.argv[2]));
const imports = WebAssembly.Module.imports(module);
if (imports.length > 0) {
  console.error("the module wants imports, so something in it asks the host for more than bytes:", imports);
  process.exit(1);
}
const instance = await WebAssembly.instantiate(module, {});
const started = performance.now();
const wrong = instance.exports.main(0, 0);
const seconds = ((performance.now() - started) / 1000).toFixed(1);
console.log(wrong === 0 ? `all vectors have their verdict on wasm32 (${seconds} s)` : `${wrong} wrong verdicts on wasm32`);
process.exit(wrong === 0 ? 0 : 1);
