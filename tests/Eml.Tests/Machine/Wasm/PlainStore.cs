using Eml.Machine.Wasm;

namespace Eml.Tests.Machine.Wasm;

/// <summary>An instruction that the specification ends the run at; the message is the specification's.</summary>
internal sealed class PlainTrapException(string message) : Exception(message);

/// <summary>A module that cannot be instantiated with these imports.</summary>
internal sealed class PlainLinkException(string message) : Exception(message);

/// <summary>More instructions than were allowed.</summary>
internal sealed class PlainFuelException() : Exception("out of fuel");

/// <summary>Something that is imported or exported.</summary>
internal abstract class PlainExtern;

/// <summary>A function of a module or of the host. A host's function gets its arguments and gives its results as bits, those of an i32
/// without sign.</summary>
internal sealed class PlainFunction : PlainExtern
{
    public PlainFunction(PlainWasm owner, WasmFunction body, WasmSignature type) => (Owner, Body, Type) = (owner, body, type);

    public PlainFunction(WasmSignature type, Func<ulong[], ulong[]> host) => (Host, Type) = (host, type);

    public WasmSignature Type { get; }

    public PlainWasm? Owner { get; }

    public WasmFunction? Body { get; }

    public Func<ulong[], ulong[]>? Host { get; }
}

/// <summary>A variable.</summary>
internal sealed class PlainGlobal(WasmGlobalType type, ulong value) : PlainExtern
{
    public WasmGlobalType Type { get; } = type;

    public ulong Value { get; set; } = value;
}

/// <summary>A table of functions.</summary>
internal sealed class PlainTable(uint size, uint? max) : PlainExtern
{
    private readonly Dictionary<uint, PlainFunction> _functions = [];

    public uint Size { get; } = size;

    public uint? Max { get; } = max;

    public PlainFunction? this[uint at]
    {
        get => _functions.GetValueOrDefault(at);
        set => _functions[at] = value!;
    }
}

/// <summary>A linear memory of up to 2³² bytes; pages that were never written take no room.</summary>
internal sealed class PlainMemory(uint pages, uint? max) : PlainExtern
{
    private const int PageBytes = 65536;

    private readonly List<byte[]?> _pages = [.. new byte[pages][]];

    public uint Pages => (uint)_pages.Count;

    public uint? Max { get; } = max;

    /// <summary>The former number of pages, or 2³² - 1 if there is no room.</summary>
    public uint Grow(uint pages)
    {
        uint before = Pages;
        if (before + (ulong)pages > (Max ?? 65536))
        {
            return uint.MaxValue;
        }
        _pages.AddRange(new byte[pages][]);
        return before;
    }

    /// <summary>So many bytes, the lowest first; traps past the end.</summary>
    public ulong Load(ulong address, int width)
    {
        Check(address, width);
        ulong value = 0;
        for (int i = width - 1; i >= 0; i--)
        {
            value = (value << 8) | this[address + (ulong)i];
        }
        return value;
    }

    /// <summary>Stores so many bytes, the lowest first; traps past the end before anything is stored.</summary>
    public void Store(ulong address, int width, ulong value)
    {
        Check(address, width);
        for (int i = 0; i < width; i++)
        {
            this[address + (ulong)i] = (byte)(value >> (8 * i));
        }
    }

    public byte this[ulong address]
    {
        get => _pages[(int)(address / PageBytes)]?[(int)(address % PageBytes)] ?? 0;
        set => (_pages[(int)(address / PageBytes)] ??= new byte[PageBytes])[(int)(address % PageBytes)] = value;
    }

    /// <summary>The same for the same bytes: h = 31 h + byte modulo 2³², the first byte first.</summary>
    public uint Hash()
    {
        uint hash = 0;
        foreach (byte[]? page in _pages)
        {
            for (int i = 0; i < PageBytes; i++)
            {
                hash = unchecked((31 * hash) + (page?[i] ?? 0u));
            }
        }
        return hash;
    }

    private void Check(ulong address, int width)
    {
        if (address + (ulong)width > (ulong)_pages.Count * PageBytes)
        {
            throw new PlainTrapException("out of bounds memory access");
        }
    }
}
