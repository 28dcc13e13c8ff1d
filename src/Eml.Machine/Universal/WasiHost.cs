using System.Buffers.Binary;
using Eml.Machine.Wasm;
using Eml.Numerics;

namespace Eml.Machine.Universal;

/// <summary>Gives bytes of an input: at most as many as fit, at least one; 0 at its end.</summary>
public delegate int WasiReader(Span<byte> into);

/// <summary>Takes bytes of an output.</summary>
public delegate void WasiWriter(ReadOnlySpan<byte> bytes);

/// <summary>The part of WASI preview 1 (https://github.com/WebAssembly/WASI, legacy/preview1) that C programs with standard streams need.
/// It knows no files; its other functions can be imported and answer that they are not there. A bad pointer is answered, too.</summary>
public sealed class WasiHost
{
    /// <summary>The module that programs import from.</summary>
    public const string Module = "wasi_snapshot_preview1";

    /// <summary>Numbers of errors; the standard's names.</summary>
    private const ulong Success = 0, BadFile = 8, Fault = 21, Invalid = 28, NoSystem = 52, IsPipe = 70;

    /// <summary>Buffers that one call may have, as on Linux.</summary>
    private const uint MostVectors = 1024;

    /// <summary>Bytes that one call transfers at most; it may always transfer fewer than it is asked to.</summary>
    private const int MostBytes = 1 << 20;

    private readonly bool[] _isClosed = new bool[3];
    private Lcg64? _random;

    /// <summary>Standard input; null has nothing.</summary>
    public WasiReader? Input { get; init; }

    /// <summary>Standard output; null takes everything and keeps nothing.</summary>
    public WasiWriter? Output { get; init; }

    /// <summary>Standard error, likewise.</summary>
    public WasiWriter? Error { get; init; }

    /// <summary>Nanoseconds since 1970; null stands still at 0.</summary>
    public Func<ulong>? Clock { get; init; }

    /// <summary>Start of the numbers that random_get gives.</summary>
    public ulong Seed { get; init; }

    /// <summary>The program's arguments, its name first, in UTF-8 without a zero.</summary>
    public IReadOnlyList<byte[]> Arguments { get; init; } = [];

    /// <summary>Environment variables as NAME=VALUE, likewise.</summary>
    public IReadOnlyList<byte[]> Environment { get; init; } = [];

    /// <summary>Gives what <paramref name="module"/> imports of WASI.</summary>
    public WasmImports AddTo(WasmImports imports, WasmModule module)
    {
        ArgumentNullException.ThrowIfNull(imports);
        ArgumentNullException.ThrowIfNull(module);
        Add(imports, "fd_write", "iiii", (machine, a) => Write(machine, a));
        Add(imports, "fd_read", "iiii", (machine, a) => Read(machine, a));
        Add(imports, "fd_close", "i", (_, a) => Close((uint)a[0]));
        Add(imports, "fd_seek", "iIii", (_, a) => IsOpen((uint)a[0]) ? IsPipe : BadFile);
        Add(imports, "fd_tell", "ii", (_, a) => IsOpen((uint)a[0]) ? IsPipe : BadFile);
        Add(imports, "fd_fdstat_get", "ii", (machine, a) => Describe(machine, (uint)a[0], (uint)a[1]));
        Add(imports, "fd_prestat_get", "ii", (_, _) => BadFile);
        Add(imports, "fd_prestat_dir_name", "iii", (_, _) => BadFile);
        Add(imports, "args_sizes_get", "ii", (machine, a) => Sizes(machine, a, Arguments));
        Add(imports, "args_get", "ii", (machine, a) => Strings(machine, a, Arguments));
        Add(imports, "environ_sizes_get", "ii", (machine, a) => Sizes(machine, a, Environment));
        Add(imports, "environ_get", "ii", (machine, a) => Strings(machine, a, Environment));
        Add(imports, "clock_time_get", "iIi", (machine, a) => Time(machine, (uint)a[0], (uint)a[2], Clock?.Invoke() ?? 0));
        Add(imports, "clock_res_get", "ii", (machine, a) => Time(machine, (uint)a[0], (uint)a[1], 1));
        Add(imports, "random_get", "ii", (machine, a) => Random(machine, (uint)a[0], (uint)a[1]));
        Add(imports, "sched_yield", "", (_, _) => Success);
        imports.Function(Module, "proc_exit", (machine, a) =>
        {
            machine.Exit((uint)a[0]);
            return [];
        }, new WasmSignature([WasmType.I32], []));
        foreach (WasmImport import in module.Imports)
        {
            if (import.Kind == WasmKind.Function && import.Module == Module && !imports.Has(import) && module.Types[import.Type].Results is [WasmType.I32])
            {
                imports.Function(Module, import.Name, (_, _) => [NoSystem]);
            }
        }
        return imports;
    }

    /// <summary>Parameters as letters: i for 32 bits, I for 64. All of these functions give the number of an error.</summary>
    private static void Add(WasmImports imports, string name, string parameters, Func<WasmMachine, ulong[], ulong> function) =>
        imports.Function(Module, name, (machine, arguments) => [function(machine, arguments)],
            new WasmSignature([.. parameters.Select(letter => letter == 'I' ? WasmType.I64 : WasmType.I32)], [WasmType.I32]));

    private static bool Fits(WasmMachine machine, uint address, long count) => address + count <= machine.Pages * 65536;

    private static ulong Put(WasmMachine machine, uint address, ReadOnlySpan<byte> bytes)
    {
        if (!Fits(machine, address, bytes.Length))
        {
            return Fault;
        }
        machine.WriteMemory(address, bytes);
        return Success;
    }

    private static ulong PutNumber(WasmMachine machine, uint address, uint value)
    {
        Span<byte> bytes = stackalloc byte[4];
        BinaryPrimitives.WriteUInt32LittleEndian(bytes, value);
        return Put(machine, address, bytes);
    }

    /// <summary>The buffers of a call, cut off where they are too much for it; null if one is not in memory.</summary>
    private static List<(uint Address, int Count)>? Vectors(WasmMachine machine, uint address, uint count)
    {
        if (!Fits(machine, address, 8L * count))
        {
            return null;
        }
        byte[] list = machine.ReadMemory(address, 8 * (int)count);
        var vectors = new List<(uint, int)>();
        long total = 0;
        for (int i = 0; i < list.Length; i += 8)
        {
            uint start = BinaryPrimitives.ReadUInt32LittleEndian(list.AsSpan(i));
            uint length = BinaryPrimitives.ReadUInt32LittleEndian(list.AsSpan(i + 4));
            if (!Fits(machine, start, length))
            {
                return null;
            }
            vectors.Add((start, (int)Math.Min(length, MostBytes - total)));
            total = Math.Min(MostBytes, total + length);
        }
        return vectors;
    }

    private bool IsOpen(uint file) => file < 3 && !_isClosed[file];

    private ulong Close(uint file)
    {
        if (!IsOpen(file))
        {
            return BadFile;
        }
        _isClosed[file] = true;
        return Success;
    }

    private ulong Write(WasmMachine machine, ulong[] arguments)
    {
        if (!IsOpen((uint)arguments[0]) || arguments[0] == 0)
        {
            return BadFile;
        }
        return Transfer(machine, arguments, (address, count) =>
        {
            byte[] bytes = machine.ReadMemory(address, count);
            (arguments[0] == 1 ? Output : Error)?.Invoke(bytes);
            return count;
        });
    }

    private ulong Read(WasmMachine machine, ulong[] arguments)
    {
        if (!IsOpen((uint)arguments[0]) || arguments[0] != 0)
        {
            return BadFile;
        }
        return Transfer(machine, arguments, (address, count) =>
        {
            byte[] bytes = new byte[count];
            int read = Input?.Invoke(bytes) ?? 0;
            machine.WriteMemory(address, bytes.AsSpan(0, read));
            return read;
        });
    }

    /// <summary>Fills or empties buffers one after the other, until one is not done wholly.</summary>
    private static ulong Transfer(WasmMachine machine, ulong[] arguments, Func<uint, int, int> transfer)
    {
        if (arguments[2] > MostVectors)
        {
            return Invalid;
        }
        // All pointers are checked before anything is done.
        if (Vectors(machine, (uint)arguments[1], (uint)arguments[2]) is not List<(uint Address, int Count)> vectors || !Fits(machine, (uint)arguments[3], 4))
        {
            return Fault;
        }
        int total = 0;
        foreach ((uint address, int count) in vectors.Where(vector => vector.Count > 0))
        {
            int done = transfer(address, count);
            total += done;
            if (done < count)
            {
                break;
            }
        }
        return PutNumber(machine, (uint)arguments[3], (uint)total);
    }

    /// <summary>fdstat: a character device without the right to seek, which C libraries take for a terminal, so that lines come out when they end.</summary>
    private ulong Describe(WasmMachine machine, uint file, uint address)
    {
        const byte characterDevice = 2;
        const ulong mayRead = 1 << 1, mayWrite = 1 << 6;
        if (!IsOpen(file))
        {
            return BadFile;
        }
        Span<byte> status = stackalloc byte[24];
        status.Clear();
        status[0] = characterDevice;
        BinaryPrimitives.WriteUInt64LittleEndian(status[8..], file == 0 ? mayRead : mayWrite);
        return Put(machine, address, status);
    }

    private static ulong Sizes(WasmMachine machine, ulong[] arguments, IReadOnlyList<byte[]> strings)
    {
        ulong error = PutNumber(machine, (uint)arguments[0], (uint)strings.Count);
        return error != Success ? error : PutNumber(machine, (uint)arguments[1], (uint)strings.Sum(text => text.Length + 1));
    }

    /// <summary>Pointers at the first address, the strings with their zeros at the second.</summary>
    private static ulong Strings(WasmMachine machine, ulong[] arguments, IReadOnlyList<byte[]> strings)
    {
        byte[] pointers = new byte[4 * strings.Count];
        byte[] text = new byte[strings.Sum(each => each.Length + 1)];
        int used = 0;
        for (int i = 0; i < strings.Count; i++)
        {
            BinaryPrimitives.WriteUInt32LittleEndian(pointers.AsSpan(4 * i), (uint)arguments[1] + (uint)used);
            strings[i].CopyTo(text, used);
            used += strings[i].Length + 1;
        }
        ulong error = Put(machine, (uint)arguments[0], pointers);
        return error != Success ? error : Put(machine, (uint)arguments[1], text);
    }

    private static ulong Time(WasmMachine machine, uint clock, uint address, ulong nanoseconds)
    {
        // Real time, monotonic time, and the times of process and thread.
        if (clock > 3)
        {
            return Invalid;
        }
        Span<byte> bytes = stackalloc byte[8];
        BinaryPrimitives.WriteUInt64LittleEndian(bytes, nanoseconds);
        return Put(machine, address, bytes);
    }

    private ulong Random(WasmMachine machine, uint address, uint count)
    {
        if (!Fits(machine, address, count))
        {
            return Fault;
        }
        Lcg64 random = _random ?? new Lcg64(Seed);
        byte[] bytes = new byte[Math.Min(count, 65536)];
        for (uint done = 0; done < count; done += (uint)bytes.Length)
        {
            int now = (int)Math.Min((uint)bytes.Length, count - done);
            for (int i = 0; i < now; i++)
            {
                bytes[i] = (byte)(random.Unit() * 256.0);
            }
            machine.WriteMemory(address + done, bytes.AsSpan(0, now));
        }
        _random = random;
        return Success;
    }
}
