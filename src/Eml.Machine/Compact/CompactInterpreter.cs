using Eml.Machine.Graph;
using Eml.Machine.Transformer;

namespace Eml.Machine.Compact;

/// <summary>The compact interpreter, described as a graph: one forward pass executes one instruction.</summary>
/// <remarks>
/// The sequence is the program, one token for each opcode and each operand, and then the trace, one token for each executed
/// instruction: the value that it produced, if any. A token of the trace stands at the position of the instruction that is executed
/// *next*, so what it finds there is the result of the instruction before. The positional encoding brings the index of the
/// instruction (its opcode has the key 2 ip, its operand 2 ip + 1) and the cursors of the files, nothing else.
/// </remarks>
public static class CompactInterpreter
{
    /// <summary>Shape of the published machine: d_model 100, d_ffn 100, 260 tokens, 30 heads in 8 layers.</summary>
    public static MachineShape Shape { get; } = new(100, 100, CompactTokens.Count, [13, 1, 0, 8, 2, 1, 1, 4]);

    /// <summary>Key that marks a position as not part of the program.</summary>
    internal const double NoKey = -MachineGraph.Off;

    /// <summary>Index of the position before the program, where nothing is found.</summary>
    internal const int BeforeProgram = -2;

    /// <summary>A retrieved index that equals no local and no address.</summary>
    private const double NoIndex = -1024.0;

    private const double Off = MachineGraph.Off;

    /// <summary>The opcodes that one flag stands for: those that the machine treats alike. Two flags share a head of layer 0.</summary>
    private static readonly Opcode[][] s_flags =
    [
        [Opcode.Const, Opcode.FdOpen], [Opcode.Add], [Opcode.Sub], [Opcode.Mul], [Opcode.And], [Opcode.Or],
        [Opcode.Eq], [Opcode.Ne], [Opcode.LtS], [Opcode.GtS], [Opcode.LeS], [Opcode.GeS],
        [Opcode.Load], [Opcode.Store], [Opcode.LocalGet], [Opcode.LocalSet], [Opcode.LocalTee],
        [Opcode.FdRead], [Opcode.FdWrite], [Opcode.Output, Opcode.FdClose], [Opcode.BrIf], [Opcode.Halt],
    ];

    /// <summary>Compiles the weights.</summary>
    public static TransformerWeights Compile()
    {
        var g = new MachineGraph();

        // What a token and a position bring.
        Linear value = g.Token("value", token => token < 256 ? token : 0);
        Linear[] bits = [.. Enumerable.Range(0, 8).Select(i => g.Token($"bit {i}", token => token < 256 ? (token >> i) & 1 : 0))];
        Linear[] isFlag = [.. s_flags.Select(codes => g.Token($"is {Name(codes)}", token => codes.Any(code => (int)code == token) ? 1 : 0))];
        Linear isPush = g.Token("pushes", token => InstructionSet.Find(token)?.Pushes ?? 0);
        Linear keyTwice = g.Position("2 index");
        Linear keySquare = g.Position("-index^2");
        Linear ip = g.Position("2 ip");
        Linear[] cursors = [.. Enumerable.Range(0, InstructionSet.Descriptors).Select(d => g.Position($"cursor {d}"))];

        // Layer 0: which instruction is this, what is its operand, and did the one before it push the value that this token carries?
        var flags = new Dictionary<Opcode, Linear>();
        for (int i = 0; i < s_flags.Length; i += 2)
        {
            (Linear first, Linear second) = g.Lookup($"opcode: {Name(s_flags[i])} | {Name(s_flags[i + 1])}", 0,
                (ip, 1.0), (keyTwice, keySquare), (isFlag[i], isFlag[i + 1]));
            flags[s_flags[i][0]] = g.Keep(Name(s_flags[i]), first);
            flags[s_flags[i + 1][0]] = g.Keep(Name(s_flags[i + 1]), second);
        }
        Linear operand = g.Keep("operand", g.Lookup("operand", 0, (ip + 1.0, 1.0), (keyTwice, keySquare), (value, 0.0)).First);
        Linear pushed = g.Keep("pushed", g.Lookup("opcode before: pushes", 0, (ip - 2.0, 1.0), (keyTwice, keySquare), (isPush, 0.0)).First);

        // Layer 1: the stack depth is the sum of all changes so far. The top, which is also where the value of this token lies if it
        // was pushed, is one below the depth before this instruction.
        Linear delta = Sum(s_flags.Select(codes => InstructionSet.Find((int)codes[0])!.Delta * flags[codes[0]]));
        Linear depthAfter = g.Keep("depth after", g.Sum("stack depth", 1, (delta, 0.0)).First);
        Linear top = depthAfter - delta - 1.0;

        // Layer 2: its square, for the parabola key. The key is on the parabola only where a value was pushed.
        Linear topSquare = g.Keep("top^2", g.Unit("top^2", top, top));
        (Linear, Linear) slotKey = (2.0 * top, -topSquare - (Off * (1.0 - pushed)));

        // Layer 3: the bits of the two upper values, and with them AND and OR.
        (Linear[] a, Linear[] b) = (new Linear[8], new Linear[8]);
        for (int i = 0; i < 8; i += 2)
        {
            (a[i], a[i + 1]) = g.Lookup($"top: bits {i}, {i + 1}", 3, (top, 1.0), slotKey, (bits[i], bits[i + 1]));
            (b[i], b[i + 1]) = g.Lookup($"second: bits {i}, {i + 1}", 3, (top - 1.0, 1.0), slotKey, (bits[i], bits[i + 1]));
        }
        Linear result = 0.0;
        for (int i = 0; i < 8; i++)
        {
            Linear both = a[i] + b[i] - 1.0;
            result += (1 << i) * g.Unit($"and: bit {i}", both - (Off * (1.0 - flags[Opcode.And])), 1.0);
            result += (1 << i) * g.Unit($"or: bit {i}", flags[Opcode.Or], a[i] + b[i]);
            result -= (1 << i) * g.Unit($"or: bit {i} twice", both - (Off * (1.0 - flags[Opcode.Or])), 1.0);
        }

        // Layer 4: the two upper values, arithmetic and comparisons.
        Linear y = g.Keep("top value", g.Lookup("top", 4, (top, 1.0), slotKey, (value, 0.0)).First);
        Linear x = g.Keep("second value", g.Lookup("second", 4, (top - 1.0, 1.0), slotKey, (value, 0.0)).First);
        result += Arithmetic(g, flags, x, y, operand);

        // Layer 5: locals. A write is keyed by the operand, any other instruction has a key that loses.
        Linear writesLocal = flags[Opcode.LocalSet] + flags[Opcode.LocalTee];
        Linear local = g.Keep("local", g.Unit("local", writesLocal + flags[Opcode.LocalGet], operand));
        Linear localSquare = g.Keep("local^2", g.Unit("local^2", local, local));
        (Linear localValue, Linear localFound) = g.Lookup("local", 5, (local, 1.0), (2.0 * local, -localSquare - (Off * (1.0 - writesLocal))),
            (y, local + (NoIndex * (1.0 - writesLocal))));
        result += g.WhereEqual("local.get", localFound, local, flags[Opcode.LocalGet], localValue);

        // Layer 6: memory, in the same way; the address is on the stack.
        Linear writes = flags[Opcode.Store];
        Linear address = g.Keep("address", g.Unit("address: store", writes, x + operand) + g.Unit("address: load", flags[Opcode.Load], y + operand));
        Linear addressSquare = g.Keep("address^2", g.Unit("address^2", address, address));
        (Linear loaded, Linear addressFound) = g.Lookup("memory", 6, (address, 1.0), (2.0 * address, -addressSquare - (Off * (1.0 - writes))),
            (y, address + (NoIndex * (1.0 - writes))));
        result += g.WhereEqual("i32.load", addressFound, address, flags[Opcode.Load], loaded);

        // Layer 7: files, one head per descriptor. Past the end of a file, and in a gap that a write past the end left, the entry that is
        // found is not the one at the cursor.
        Linear[] reads = ReadsOf(g, flags[Opcode.FdRead], y);
        for (int d = 0; d < InstructionSet.Descriptors; d++)
        {
            (Linear read, Linear found) = g.Cross($"file {d}", 7, d, (cursors[d], 1.0), (keyTwice, keySquare), (value, keyTwice));
            result += g.WhereEqual($"fd_read {d}", found, 2.0 * cursors[d], reads[d], read);
        }

        // What has no value says so.
        Linear valued = Sum(s_flags.Select(codes => codes[0] == Opcode.Halt ? 0.0 : flags[codes[0]]));
        result += g.Unit("no value", 1.0, (CompactTokens.None * (1.0 - valued)) + flags[Opcode.Halt]);
        return GraphCompiler.Compile(g, Shape, g.Keep("result", result));
    }

    private static Linear Arithmetic(MachineGraph g, Dictionary<Opcode, Linear> flags, Linear x, Linear y, Linear operand)
    {
        Linear passed = flags[Opcode.LocalSet] + flags[Opcode.LocalTee] + flags[Opcode.Store] + flags[Opcode.FdWrite]
            + flags[Opcode.Output] + flags[Opcode.BrIf];
        Linear result = g.Unit("operand", flags[Opcode.Const], operand) + g.Unit("top", passed, y);

        result += g.Unit("add", flags[Opcode.Add], x + y) - (256.0 * g.Step("add: carry", x + y, 256.0, flags[Opcode.Add]));
        result += g.Unit("sub", flags[Opcode.Sub], x - y) + (256.0 * g.Step("sub: borrow", y - x, 1.0, flags[Opcode.Sub]));

        // x y <= 65025 is reduced by sixteenths of 65536 in one layer and by multiples of 256 in the next.
        Linear product = g.Keep("product", g.Unit("mul", x - (Off * (1.0 - flags[Opcode.Mul])), y));
        Linear reduced = product;
        for (int k = 1; k < 16; k++)
        {
            reduced -= 4096.0 * g.Step($"mul: {k} * 4096", product, 4096.0 * k, 1.0);
        }
        Linear small = g.Keep("product mod 4096", reduced);
        result += small;
        for (int k = 1; k < 16; k++)
        {
            result -= 256.0 * g.Step($"mul: {k} * 256", small, 256.0 * k, 1.0);
        }

        result += g.WhereEqual("eq", x, y, flags[Opcode.Eq], 1.0);
        result += g.Unit("ne", 1.0, flags[Opcode.Ne]) - g.WhereEqual("ne", x, y, flags[Opcode.Ne], 1.0);
        result += g.Step("lt_s", y - x, 1.0, flags[Opcode.LtS]);
        result += g.Step("gt_s", x - y, 1.0, flags[Opcode.GtS]);
        result += g.Step("le_s", y - x, 0.0, flags[Opcode.LeS]);
        return result + g.Step("ge_s", x - y, 0.0, flags[Opcode.GeS]);
    }

    /// <summary>Per descriptor: 1 where fd_read reads it, else 0. The descriptor is 0 to 3, as the program's check ensures.</summary>
    private static Linear[] ReadsOf(MachineGraph g, Linear fdRead, Linear descriptor)
    {
        Linear off = Off * (1.0 - fdRead);
        Linear[] above = [.. Enumerable.Range(0, 3).Select(d => g.Keep($"fd_read: descriptor above {d}", g.Unit($"fd_read: above {d}", descriptor - d - off, 1.0)))];
        Linear[] atLeast = [above[0] - above[1], above[1] - above[2], above[2]];
        return [fdRead - atLeast[0], atLeast[0] - atLeast[1], atLeast[1] - atLeast[2], atLeast[2]];
    }

    private static Linear Sum(IEnumerable<Linear> terms) => terms.Aggregate((Linear)0.0, (sum, term) => sum + term);

    private static string Name(Opcode[] codes) => string.Join("/", codes.Select(code => InstructionSet.Find((int)code)!.Name));
}
