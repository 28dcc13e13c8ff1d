using Eml.Machine.Wasm;

namespace Eml.Tests.Machine.Wasm;

/// <summary>The end of a program that called proc_exit.</summary>
internal sealed class PlainExitException(uint status) : Exception($"proc_exit({status})")
{
    public uint Status { get; } = status;
}

/// <summary>What programs import: lists of numbers, or standard input and output.</summary>
internal sealed class PlainHosts(int[]? numbers = null, byte[]? input = null)
{
    private static readonly WasmType[] s_i = [WasmType.I32];
    private static readonly WasmType[] s_iiii = [WasmType.I32, WasmType.I32, WasmType.I32, WasmType.I32];

    private int _nextNumber;
    private int _nextByte;

    /// <summary>The instance whose memory the WASI functions use.</summary>
    public PlainWasm? Instance { get; set; }

    /// <summary>What env.output got.</summary>
    public List<uint> Numbers { get; } = [];

    /// <summary>What fd_write got.</summary>
    public List<byte> Output { get; } = [];

    /// <summary>env.input, env.output, and of WASI preview 1 fd_write, fd_read and proc_exit.</summary>
    public PlainExtern? Import(WasmImport import) => (import.Module, import.Name) switch
    {
        ("env", "input") => new PlainFunction(new WasmSignature([], s_i), _ => [(uint)(_nextNumber < numbers?.Length ? numbers[_nextNumber++] : -1)]),
        ("env", "output") => new PlainFunction(new WasmSignature(s_i, []), arguments =>
        {
            Numbers.Add((uint)arguments[0]);
            return [];
        }),
        ("wasi_snapshot_preview1", "fd_write") => new PlainFunction(new WasmSignature(s_iiii, s_i), arguments => Transfer(arguments, 1, Write)),
        ("wasi_snapshot_preview1", "fd_read") => new PlainFunction(new WasmSignature(s_iiii, s_i), arguments => Transfer(arguments, 0, Read)),
        ("wasi_snapshot_preview1", "proc_exit") => new PlainFunction(new WasmSignature(s_i, []), arguments => throw new PlainExitException((uint)arguments[0])),
        _ => null,
    };

    private ulong[] Transfer(ulong[] arguments, uint file, Func<ulong, uint, uint> transfer)
    {
        if (arguments[0] != file)
        {
            const uint BadFile = 8;
            return [BadFile];
        }
        PlainMemory memory = Instance!.Memory!;
        uint count = 0;
        for (ulong at = arguments[1]; at < arguments[1] + (8 * arguments[2]); at += 8)
        {
            count += transfer(memory.Load(at, 4), (uint)memory.Load(at + 4, 4));
        }
        memory.Store(arguments[3], 4, count);
        return [0];
    }

    private uint Write(ulong from, uint count)
    {
        for (uint i = 0; i < count; i++)
        {
            Output.Add((byte)Instance!.Memory!.Load(from + i, 1));
        }
        return count;
    }

    private uint Read(ulong to, uint room)
    {
        uint count = Math.Min(room, (uint)((input?.Length ?? 0) - _nextByte));
        for (uint i = 0; i < count; i++)
        {
            Instance!.Memory!.Store(to + i, 1, input![_nextByte++]);
        }
        return count;
    }
}
