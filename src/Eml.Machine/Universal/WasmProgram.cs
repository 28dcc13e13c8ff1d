using Eml.Machine.Transformer;
using Eml.Machine.Wasm;
using Eml.Numerics;

namespace Eml.Machine.Universal;

/// <summary>What a host must know of a program that is in the weights: its types, imports and exports, and where calls begin. Its code,
/// data, tables and the values of its globals are not here.</summary>
public sealed class WasmProgram
{
    private readonly int[] _bookkeeping;
    private readonly int[] _functions;
    private readonly int _instructions;

    /// <summary>From its parts, as a file gives them.</summary>
    /// <param name="declarations">The module as a binary whose functions have no code: <see cref="WasmDeclarations"/>.</param>
    /// <param name="frameLimit">Slots of the largest frame.</param>
    /// <param name="instructions">Numbers of instructions in use; calls of the host stand at the end.</param>
    /// <param name="bookkeeping">Instructions that are none of the module's, as first and last of runs.</param>
    /// <param name="functions">Functions that the host can call: the one numbered i is called by the two instructions at
    /// instructions - 2 (count - i).</param>
    /// <exception cref="EmlException">The parts contradict each other.</exception>
    public WasmProgram(byte[] declarations, int frameLimit, int instructions, int[] bookkeeping, int[] functions)
    {
        ArgumentNullException.ThrowIfNull(declarations);
        ArgumentNullException.ThrowIfNull(bookkeeping);
        ArgumentNullException.ThrowIfNull(functions);
        Binary = declarations;
        Declarations = WasmModule.Read(declarations);
        FrameLimit = frameLimit;
        _instructions = instructions;
        _bookkeeping = bookkeeping;
        _functions = functions;
        Require(frameLimit is >= 0 and <= UniversalMachine.MaxSlots, $"{frameLimit} slots of a frame");
        Require(instructions >= 2 * functions.LongLength && instructions <= UniversalMachine.MaxCode, $"{instructions} instructions");
        foreach (int function in functions)
        {
            Require((uint)function < (uint)Declarations.FunctionTypes.Length, $"function {function}");
        }
        Require(bookkeeping.Length % 2 == 0, $"{bookkeeping.Length} ends of runs");
        for (int i = 0; i < bookkeeping.Length; i++)
        {
            Require(bookkeeping[i] < instructions && bookkeeping[i] >= (i == 0 ? 0 : bookkeeping[i - 1]), $"{bookkeeping[i]} as the end of a run");
        }
    }

    /// <summary>The module without its code.</summary>
    public WasmModule Declarations { get; }

    /// <summary>The same as a WebAssembly binary.</summary>
    public byte[] Binary { get; }

    /// <summary>Slots of the largest frame.</summary>
    public int FrameLimit { get; }

    /// <summary>Numbers of instructions in use.</summary>
    public int Instructions => _instructions;

    /// <summary>First and last of the runs of instructions that are none of the module's.</summary>
    public IReadOnlyList<int> Bookkeeping => _bookkeeping;

    /// <summary>Functions that the host can call.</summary>
    public IReadOnlyList<int> Functions => _functions;

    /// <summary>Bakes a module into the weights: what its prompt would leave in the heads' memories becomes constant entries before the
    /// sequence (the first Futamura projection: the machine, specialised to its program).</summary>
    /// <param name="binary">The module.</param>
    /// <param name="imports">What it imports: the values of globals become part of the weights.</param>
    /// <exception cref="EmlException">As <see cref="WasmMachine(WasmModule, WasmImports, bool)"/>.</exception>
    public static (TransformerWeights Weights, WasmProgram Program) Specialize(byte[] binary, WasmImports? imports = null) =>
        Specializer.Specialize(binary, imports ?? new WasmImports());

    internal bool[] IsOwn()
    {
        bool[] own = new bool[_instructions];
        Array.Fill(own, true);
        for (int i = 0; i < _bookkeeping.Length; i += 2)
        {
            Array.Fill(own, false, _bookkeeping[i], _bookkeeping[i + 1] - _bookkeeping[i] + 1);
        }
        return own;
    }

    /// <summary>Where the host's call of a function begins.</summary>
    internal int PlaceOf(int function)
    {
        int i = Array.IndexOf(_functions, function);
        return i >= 0 ? _instructions - (2 * (_functions.Length - i))
            : throw new EmlException(ErrorCode.Argument, $"wasm: function {function} is not exported; a specialised machine calls no other");
    }

    internal static void Check(TransformerConfig config)
    {
        if (config.ResultChannels.Length != (int)Field.Generated || config.PositionChannels.Length != (int)Field.All)
        {
            throw new EmlException(ErrorCode.Argument,
                $"wasm: weights whose tokens have {config.PositionChannels.Length} and {config.ResultChannels.Length} numbers; the machine for WebAssembly has {(int)Field.All} and {(int)Field.Generated}");
        }
    }

    private static void Require(bool holds, string what)
    {
        if (!holds)
        {
            throw new EmlException(ErrorCode.Argument, $"wasm: a specialised program cannot have {what}; specialise it anew");
        }
    }
}
