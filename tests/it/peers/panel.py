"""A fire panel and its I/O module on pymodbus: the map read from the panel's sheet, not from anybody's code.

Two Modbus TCP servers on loopback, unit 1 each:
  panel   holding 0..47 one word per device (bit 0 fire, 2 disabled), 200 status (0 key, 1 silenced, 2 sounders, 3 mains),
          300 command: 1 silence, 2 stop sounders, 3 reset, 4 key to automatic. Alarms are latched until a reset.
  module  coils 0..15, inputs 0..15: input n follows coil n. Coil 4 is a stroke: the pump it starts runs on by itself.

Speaks JSON lines. First line out: {"panel": port, "io": port}. In: "smoke N", "clear N", "state".
"""

import asyncio
import json
import sys

from pymodbus.constants import ExcCodes
from pymodbus.server import ModbusTcpServer
from pymodbus.simulator import DataType, SimData, SimDevice

DEVICES, STATUS, COMMAND = 48, 200, 300
FIRE = 1
KEY, SILENCED, SOUNDERS, MAINS = 1, 2, 4, 8
PUMP = 4

smoke = set()
latched = set()
status = KEY | MAINS
commands = []
coils = [False] * 16
strokes = []
inputs = [False] * 16


def look():
    """What stands in smoke latches, and the first of it starts the sounders."""
    global status
    for device in smoke - latched:
        latched.add(device)
        status = (status | SOUNDERS) & ~SILENCED


def command(value):
    global status
    commands.append(value)
    if value == 1:
        status |= SILENCED
    elif value == 2:
        status &= ~SOUNDERS
    elif value == 3:
        latched.clear()
        status &= ~(SILENCED | SOUNDERS)
        look()
    elif value == 4:
        status |= KEY
    else:
        return ExcCodes.ILLEGAL_VALUE
    return None


async def panel(function, start, address, count, registers, values):
    if values is not None:
        if function != 6 or address != COMMAND:
            return ExcCodes.ILLEGAL_ADDRESS
        return command(values[0])
    look()
    for device in range(DEVICES):
        registers[device - start] = FIRE if device in latched else 0
    registers[STATUS - start] = status
    return None


async def module(function, start, address, count, registers, values):
    if values is not None:
        for n, on in enumerate(values):
            coil = address + n
            coils[coil] = bool(on)
            if coil == PUMP and on:
                strokes.append(coil)
                coils[coil] = False
                inputs[coil] = True
            elif coil != PUMP:
                inputs[coil] = bool(on)
    table = coils if function in (1, 5, 15) else inputs
    registers[0] = sum(1 << n for n, on in enumerate(table) if on)
    if function == 5 and address == PUMP:
        # The echo of the stroke says what was asked, though the coil has fallen back.
        registers[0] |= 1 << PUMP
    return None


async def serve(device):
    server = ModbusTcpServer(device, address=("127.0.0.1", 0))
    await server.serve_forever(background=True)
    return server, server.transport.sockets[0].getsockname()[1]


def say(what):
    print(json.dumps(what), flush=True)


async def main():
    words = [SimData(0, count=COMMAND + 1, values=0, datatype=DataType.REGISTERS)]
    bits = [SimData(0, count=1, values=0, datatype=DataType.REGISTERS)]
    servers = [
        await serve(SimDevice(id=1, simdata=words, action=panel)),
        await serve(SimDevice(id=1, simdata=bits, action=module, use_bit_addressing=True)),
    ]
    say({"panel": servers[0][1], "io": servers[1][1]})
    reader = asyncio.StreamReader()
    protocol = asyncio.StreamReaderProtocol(reader)
    await asyncio.get_running_loop().connect_read_pipe(lambda: protocol, sys.stdin)
    while line := (await reader.readline()).decode().split():
        if line[0] == "smoke":
            smoke.add(int(line[1]))
        elif line[0] == "clear":
            smoke.discard(int(line[1]))
        say({"commands": commands, "coils": coils, "strokes": strokes, "inputs": inputs, "latched": sorted(latched)})


asyncio.run(main())
