"""Drives a server with the Python SDK. See sdk_test.go for what it is given."""

import json
import sys

import anyio
from mcp import Client, StdioServerParameters

plan = json.loads(sys.argv[1])


def say(**line):
    print(json.dumps(line), flush=True)


async def call(client, tool, args):
    result = await client.call_tool(tool, args)
    say(tool=tool, error=bool(result.is_error), text=result.content[0].text, structured=result.structured_content)


async def main():
    server = StdioServerParameters(command=plan["command"], args=plan["args"], env=plan["env"], cwd=plan["cwd"])
    async with Client(server) as client:
        listed = await client.list_tools()
        say(tools=[tool.name for tool in listed.tools])
        for step in plan["steps"]:
            await call(client, step["tool"], step["args"])
        async with anyio.create_task_group() as group:
            group.start_soon(call, client, plan["slow"]["tool"], plan["slow"]["args"])
            await anyio.to_thread.run_sync(sys.stdin.readline)  # "cancel"
            group.cancel_scope.cancel()
        say(canceled="canceled")
        await anyio.to_thread.run_sync(sys.stdin.read)  # until the test has seen enough


anyio.run(main)
