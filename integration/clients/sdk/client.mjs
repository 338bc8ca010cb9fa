// Drives a server with the TypeScript SDK. See sdk_test.go for what it is given.
import { createRequire } from "node:module";
import { createInterface } from "node:readline";
import { pathToFileURL } from "node:url";

const plan = JSON.parse(process.argv[2]);
const sdk = createRequire(plan.sdk);
const load = (path) => import(pathToFileURL(sdk.resolve(`@modelcontextprotocol/sdk/${path}`)));
const { Client } = await load("client/index.js");
const { StdioClientTransport } = await load("client/stdio.js");

const say = (line) => process.stdout.write(JSON.stringify(line) + "\n");
const lines = createInterface({ input: process.stdin })[Symbol.asyncIterator]();

const client = new Client({ name: "typescript-sdk", version: "1.0.0" });
await client.connect(new StdioClientTransport({ command: plan.command, args: plan.args, env: plan.env, cwd: plan.cwd }));
say({ tools: (await client.listTools()).tools.map((tool) => tool.name) });
for (const { tool, args } of plan.steps) {
  const result = await client.callTool({ name: tool, arguments: args });
  say({ tool, error: result.isError ?? false, text: result.content[0].text, structured: result.structuredContent });
}
const abort = new AbortController();
const slow = client.callTool({ name: plan.slow.tool, arguments: plan.slow.args }, undefined, { signal: abort.signal });
lines.next().then(() => abort.abort("canceled"));
try {
  await slow;
  say({ canceled: "" });
} catch (error) {
  say({ canceled: String(error.message ?? error) });
}
await lines.next(); // until the test has seen enough
await client.close();
