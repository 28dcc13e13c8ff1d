using Eml.Machine.Graph;
using Eml.Machine.Transformer;

namespace Eml.Machine.Universal;

/// <summary>The machine that executes WebAssembly, described as a graph: one forward pass executes one instruction.</summary>
/// <remarks>
/// A token is a tuple of numbers (<see cref="Field"/>): the state after an instruction and what it wrote. Everything else is found by
/// attention: the instruction by its number, operands, locals and globals by their slot, memory by the word, callers by depth.
/// All numbers are integers below 2^53 in magnitude, so that every sum and product is exact.
/// </remarks>
internal sealed partial class UniversalMachine
{
    /// <summary>Calls that may be open at a time.</summary>
    public const int MaxDepth = 65536;

    /// <summary>Slots for locals and operands.</summary>
    public const int MaxSlots = 1 << 22;

    /// <summary>Instructions that a module may have.</summary>
    public const int MaxCode = 1 << 24;

    /// <summary>Tokens that it can count.</summary>
    public const double MaxClock = 8 * Word;

    /// <summary>Units per layer.</summary>
    private const int HiddenWidth = 96;

    /// <summary>Channels of the residual stream.</summary>
    private const int ModelWidth = 264;

    /// <summary>Larger than any two numbers that are compared under a condition can differ.</summary>
    private const double Off = 68719476736.0;

    private const double Word = 4294967296.0;

    private readonly MachineGraph _g = new(4, Off);
    private readonly Tables _tables;
    private readonly Linear[] _field;
    private readonly Linear[] _signal;

    private UniversalMachine()
    {
        _tables = new Tables(_g);
        _field = [.. Enumerable.Range(0, (int)Field.All).Select(i => _g.Field(((Field)i).ToString(), 0, Max((Field)i)))];
        _signal = new Linear[(int)Signal.Count];
    }

    /// <summary>Compiles the weights.</summary>
    public static TransformerWeights Compile() => new UniversalMachine().Build();

    private static double Max(Field field) => field switch
    {
        Field.Ip or Field.CodeIndex or Field.Next or Field.Target => MaxCode - 1,
        Field.Frame or Field.Slot => MaxSlots + 131072,
        Field.Entered or Field.Clock => MaxClock,
        Field.Pages => 65536,
        Field.Depth => MaxDepth,
        Field.Status => 15,
        Field.Phase => 65535,
        Field.SlotWrite or Field.WordWrite or Field.IsCode or Field.IsElement => 1,
        Field.ElementKind => 2,
        Field.Low or Field.High => Word - 1,
        Field.WordHigh or Field.WordLow => 65535,
        Field.Op => 255,
        Field.Top or Field.Second or Field.Result or Field.Count => MaxSlots,
        _ => 255,
    };

    private Linear Of(Field field) => _field[(int)field];

    private Linear Is(Signal signal) => _signal[(int)signal];

    private TransformerWeights Build()
    {
        // The instruction and what it asks for.
        Linear ip = Of(Field.Ip);
        Linear[] code = _g.Find("instruction", (0.0, ip, Square("ip^2", ip)),
            (0.0, Of(Field.CodeIndex), Square("code index^2", Of(Field.CodeIndex))), Of(Field.IsCode),
            Of(Field.Op), Of(Field.Next), Of(Field.Target), Of(Field.Top), Of(Field.Second), Of(Field.Result), Of(Field.Count),
            Of(Field.Low), Of(Field.High));
        var instruction = new Instruction(code[0], code[1], code[2], code[3], code[4], code[5], code[6], code[7], code[8]);
        Linear[] signals = _g.Row("decode", _tables.Decode, instruction.Op, 1.0, [.. Enumerable.Range(2, (int)Signal.Count)]);
        signals.CopyTo(_signal, 0);

        // Its operands.
        Linear frame = Of(Field.Frame);
        Linear phase = Of(Field.Phase);
        Linear topSlot = _g.Keep("top slot", Positive("top slot",
            frame - _g.Unit("global", Is(Signal.ReadsGlobal), frame) + instruction.Top + _g.Unit("phase: top", Is(Signal.MovesTop), phase)));
        Linear secondSlot = _g.Keep("second slot", frame + instruction.Second + _g.Unit("phase: second", Is(Signal.MovesSecond), phase));
        Linear resultSlot = _g.Keep("result slot", frame - _g.Unit("global", Is(Signal.WritesGlobal), frame) + instruction.Result
            + _g.Unit("phase: result", Is(Signal.MovesTop) + Is(Signal.MovesSecond), phase));
        Linear[] top = Slot("top", topSlot);
        Linear[] second = Slot("second", secondSlot);
        Linear[] third = Slot("third", secondSlot + 1.0);
        var x = new Wide(second[0], second[1]);
        var y = new Wide(top[0], top[1]);

        // What it gives: each part is 0 unless the operation is the part's.
        Wide result = Moves(instruction, y, x, new Wide(third[0], third[1]), top[2]);
        Wide xs = new(x.Low, _g.Keep("second, 64 bits", _g.Unit("second, 64 bits", Is(Signal.Is64), x.High)));
        Wide ys = new(y.Low, _g.Keep("top, 64 bits", _g.Unit("top, 64 bits", Is(Signal.Is64), y.High)));
        result += AddSubtract(xs, ys);
        result += Compare(xs, ys);
        Linear[] xLimbs = Limbs("second", xs);
        Linear[] yLimbs = Limbs("top", ys);
        Linear[] xBytes = Bytes("second", xLimbs);
        Linear[] yBytes = Bytes("top", yLimbs);
        result += Bitwise(xs, ys, xBytes, yBytes);
        result += Count(yBytes);
        result += Multiply(xLimbs, yLimbs);
        result += Shift(xs, xLimbs, yBytes[0]);
        (Wide divided, Linear divideByZero, Linear overflow) = Divide(xs, ys);
        result += divided;
        MemoryAccess memory = AccessMemory(instruction, x.Low, y.Low, yBytes);
        result += Extend(y.Low, yLimbs, yBytes, memory);
        (Wide pages, Linear newPages) = GrowMemory(instruction, y.Low);
        result += pages;

        // What is done next.
        Control control = Follow(instruction, y, yLimbs, memory, [(StepStatus.DivideByZero, divideByZero), (StepStatus.Overflow, overflow)]);
        result += control.ToHost;
        Linear writes = _g.Keep("slot is written", Is(Signal.Writes) + control.MoveWrites);
        Linear[] results = new Linear[(int)Field.Generated];
        results[(int)Field.Ip] = control.Ip;
        results[(int)Field.Frame] = control.Frame;
        results[(int)Field.Entered] = control.Entered;
        results[(int)Field.Clock] = Of(Field.Clock) + 1.0;
        results[(int)Field.Pages] = newPages;
        results[(int)Field.Depth] = control.Depth;
        results[(int)Field.Status] = control.Status;
        results[(int)Field.Phase] = control.Phase;
        results[(int)Field.SlotWrite] = writes;
        results[(int)Field.Slot] = _g.Unit("slot", writes, resultSlot);
        results[(int)Field.Low] = result.Low;
        results[(int)Field.High] = result.High;
        results[(int)Field.WordWrite] = memory.Writes;
        results[(int)Field.WordHigh] = memory.WordHigh;
        results[(int)Field.WordLow] = memory.WordLow;
        for (int i = 0; i < 8; i++)
        {
            results[(int)Field.Byte0 + i] = memory.Bytes[i];
        }
        return GraphCompiler.Compile(_g, new MachineShape(ModelWidth, HiddenWidth, 1, []),
            [.. results.Select((sum, i) => _g.Keep($"next {(Field)i}", sum))]);
    }

    /// <summary>A 64-bit number as two of 32 bits.</summary>
    private readonly record struct Wide(Linear Low, Linear High)
    {
        public static Wide operator +(Wide a, Wide b) => new(a.Low + b.Low, a.High + b.High);
    }

    /// <summary>The fields of the code token that is executed.</summary>
    private sealed record Instruction(Linear Op, Linear Next, Linear Target, Linear Top, Linear Second, Linear Result, Linear Count, Linear Low, Linear High);

    /// <summary>What is read from a slot: low half, high half, and when it was written.</summary>
    private Linear[] Slot(string name, Linear slot) => _g.Find(name, (0.0, slot, Square($"{name} slot^2", slot)),
        (0.0, Of(Field.Slot), Square("slot^2", Of(Field.Slot))), Of(Field.SlotWrite), Of(Field.Low), Of(Field.High), Of(Field.Clock));

    /// <summary>A number that is not negative, where its parts do not show it.</summary>
    private Linear Positive(string name, Linear x) => _g.Unit(name, x, 1.0);

    /// <summary>1 where the integer <paramref name="x"/> is at least <paramref name="bound"/> and <paramref name="condition"/> is 1. It has a place
    /// of its own, so that it is 0 or 1 before anything multiplies it: the units that make it up are large.</summary>
    private Linear Step(string name, Linear x, double bound, Linear condition) => _g.Keep(name, _g.Step(name, x, bound, condition));

    private Linear WhereEqual(string name, Linear a, Linear b, Linear condition, Linear value) =>
        _g.Keep(name, _g.WhereEqual(name, a, b, condition, value));

    /// <summary>x^2 of an integer that is not negative.</summary>
    private Linear Square(string name, Linear x) => _g.Unit(name, x, x);

    /// <summary>The sum of integers' steps at each of <paramref name="bounds"/>: how many of them <paramref name="x"/> reaches.</summary>
    private Linear Reached(string name, Linear x, params double[] bounds)
    {
        Linear count = 0.0;
        foreach (double bound in bounds)
        {
            count += _g.Unit(name, x - bound + 1.0, 1.0) - _g.Unit(name, x - bound, 1.0);
        }
        return _g.Keep(name, count);
    }

    /// <summary>1 where both are 1.</summary>
    private Linear Both(string name, Linear a, Linear b) => _g.Keep(name, _g.Unit(name, a + b - 1.0, 1.0));

    /// <summary>x / 2^bits, rounded down, where the quotient is below 65536: the row nearest to it minus nearly one half.</summary>
    private Linear Floor(string name, Linear x, int bits)
    {
        double divisor = Math.Pow(2, bits);
        return _g.Row(name, _tables.Grid, (1.0 / divisor * x) - ((divisor - 1.0) / (2.0 * divisor)), 1.0, Tables.Index)[0];
    }

    /// <summary>The four 16-bit parts, the lowest first.</summary>
    private Linear[] Limbs(string name, Wide value)
    {
        Linear low = Floor($"{name}: bits 16-31", value.Low, 16);
        Linear high = Floor($"{name}: bits 48-63", value.High, 16);
        return [value.Low - (65536.0 * low), low, value.High - (65536.0 * high), high];
    }

    /// <summary>The eight bytes of four limbs, the lowest first.</summary>
    private Linear[] Bytes(string name, Linear[] limbs)
    {
        var bytes = new Linear[2 * limbs.Length];
        for (int i = 0; i < limbs.Length; i++)
        {
            bytes[(2 * i) + 1] = Floor($"{name}: byte {(2 * i) + 1}", limbs[i], 8);
            bytes[2 * i] = limbs[i] - (256.0 * bytes[(2 * i) + 1]);
        }
        return bytes;
    }

    private static Linear Sum(IEnumerable<Linear> terms) => terms.Aggregate((Linear)0.0, (sum, term) => sum + term);
}
