#!/usr/bin/env node
// Starts the program of this platform's package with the same arguments,
// streams and end.
"use strict";
const { spawn } = require("node:child_process");

const name = `@fjbelchi/localmodel-${process.platform}-${process.arch}`;
const program = process.platform === "win32" ? "localmodel.exe" : "localmodel";
let path;
try {
  path = require.resolve(`${name}/bin/${program}`);
} catch {
  console.error(`localmodel: the package ${name} is not installed.`);
  console.error("There is none for this platform, or npm left out optional packages.");
  console.error("Fix: npm install --include=optional @fjbelchi/localmodel");
  process.exit(1);
}
const child = spawn(path, process.argv.slice(2), { stdio: "inherit" });
for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"]) {
  process.on(signal, () => child.kill(signal));
}
child.on("error", (err) => {
  console.error(`localmodel: ${err.message}`);
  process.exit(1);
});
child.on("exit", (code, signal) => {
  if (signal) {
    process.removeAllListeners(signal);
    process.kill(process.pid, signal);
    return;
  }
  process.exit(code);
});
