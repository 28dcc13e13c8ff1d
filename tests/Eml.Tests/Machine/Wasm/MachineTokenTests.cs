using Eml.Machine.Universal;
using Eml.Machine.Wasm;
using Xunit.Abstractions;
using static Eml.Tests.Machine.Wasm.SmallModule;

namespace Eml.Tests.Machine.Wasm;

/// <summary>The fast path gives every number of every token that the dense reference gives.</summary>
public sealed class MachineTokenTests(ITestOutputHelper output)
{
    /// <summary>Upper and lower ends, and halves that carry into each other; the 32-bit ones are also addresses.</summary>
    private static readonly ulong[][] s_operands =
    [
        [0x1003, 0xFFFFFFF5, 0x8000_0000_FFFF_FFFF, 0x0000_0001_8000_0021],
        [0xFFF0, 31, 0x8000_0000_0000_0000, 63],
        [21, 0x80000007, 0x0123_4567_89AB_CDEF, 0xFFFF_FFFF_FFFF_FFFD],
    ];

    [Fact]
    public void Every_instruction_gives_the_tokens_of_the_dense_reference()
    {
        long[] executed = new long[256];
        int tokens = 0;
        foreach (WasmType width in new[] { I, L })
        {
            (string, ulong[])[] calls = [.. s_operands.Select(operands => ("all", operands))];
            tokens += Compare(Operations(width), [], calls, executed);
        }
        tokens += Compare(Control(), [], [("control", [3, 0]), ("control", [0, 9]), ("control", [2, 1]), ("divide", [1, 0]), ("divide", [5, 2])], executed);
        Assert.All(WasmOpcodes.Integer, operation => Assert.True(executed[operation.Key] > 0, operation.Value.Name));
        output.WriteLine($"{tokens} tokens, every number the same");
    }

    [Fact]
    public void A_random_module_gives_the_tokens_of_the_dense_reference()
    {
        // EML_WASM_DENSE names another number of modules; the first short ones are taken.
        int count = int.TryParse(Environment.GetEnvironmentVariable("EML_WASM_DENSE"), out int given) ? given : 1;
        int tokens = 0;
        for (ulong seed = 1; count > 0; seed++)
        {
            RandomModule random = RandomModules.Make(seed);
            if (ModuleRun.Plain(random).Instructions is > 40 and < 120 && random.Bytes.Length < 900 && WasmModule.Read(random.Bytes).Start < 0)
            {
                tokens += Compare(random.Bytes, random.Input, [("run", random.Arguments)], new long[256]);
                count--;
            }
        }
        output.WriteLine($"{tokens} tokens, every number the same");
    }

    /// <summary>Calls functions on both engines and on the plain interpreter.</summary>
    private static int Compare(byte[] bytes, int[] input, (string Name, ulong[] Arguments)[] calls, long[] executed)
    {
        var module = WasmModule.Read(bytes);
        (List<double[]> fast, string fastEnd) = Tokens(module, input, calls, false);
        (List<double[]> dense, string denseEnd) = Tokens(module, input, calls, true);
        for (int i = 0; i < Math.Min(fast.Count, dense.Count); i++)
        {
            Golden.AssertBits(dense[i], fast[i], $"token {i}");
        }
        Assert.Equal(dense.Count, fast.Count);
        Assert.Equal(denseEnd, fastEnd);
        var plain = new PlainWasm(module, new PlainHosts(input).Import);
        string plainEnd = "";
        foreach ((string name, ulong[] arguments) in calls)
        {
            try
            {
                plainEnd += $"{string.Join(' ', plain.Invoke(name, arguments))};";
            }
            catch (PlainTrapException e)
            {
                Assert.NotEqual("all", name);
                plainEnd += $"{e.Message};";
            }
        }
        Assert.Equal(plainEnd, fastEnd);
        for (int code = 0; code < executed.Length; code++)
        {
            executed[code] += plain.Executed[code];
        }
        return fast.Count;
    }

    private static (List<double[]> Tokens, string End) Tokens(WasmModule module, int[] input, (string Name, ulong[] Arguments)[] calls, bool dense)
    {
        int next = 0;
        WasmImports imports = new WasmImports().Function("env", "input", (_, _) => [(uint)(next < input.Length ? input[next++] : -1)])
            .Function("env", "output", (_, _) => []);
        var tokens = new List<double[]>();
        var machine = new WasmMachine(module, imports, dense)
        {
            Listener = step =>
            {
                tokens.Add(step.Numbers.ToArray());
                return true;
            },
        };
        string end = "";
        foreach ((string name, ulong[] arguments) in calls)
        {
            machine.Begin(name, arguments);
            WasmStatus status = machine.Run(3000);
            end += $"{(status == WasmStatus.Trapped ? machine.Trap : string.Join(' ', machine.Results))};";
        }
        return (tokens, end);
    }

    /// <summary>A function that executes every instruction with operands whose first has this type.</summary>
    private static byte[] Operations(WasmType width)
    {
        ModuleBytes body = Body();
        foreach ((byte code, WasmOperation operation) in WasmOpcodes.Integer.OrderBy(pair => pair.Key))
        {
            if (operation.Pops is not { Length: > 0 } pops || code == (byte)WasmOpcode.MemoryGrow || pops[^1] != width)
            {
                continue;
            }
            for (int i = 0; i < pops.Length; i++)
            {
                body.Get(pops[i] == I ? pops.Length - 1 == i && pops.Length == 2 ? 1 : 0 : 2 + i - (pops[0] == L ? 0 : 1));
            }
            body.Byte(code);
            if (operation.Width >= 0)
            {
                body.Byte(0).Unsigned(4);
            }
            if (operation.Pushes is not null)
            {
                body.Op(WasmOpcode.Drop);
            }
        }
        return new SmallModule().Memory(1).Data(0x1000, 1, 2, 3, 4, 5, 6, 7, 0x88, 0x99, 0xAA, 0xBB, 0xCC, 0xDD, 0xEE, 0xFF, 0x10)
            .Function("all", [I, I, L, L], [], body).ToBytes();
    }

    private static byte[] Control()
    {
        var module = new SmallModule();
        int two = module.Type([I, I], [I, I]);
        ModuleBytes control = Body().Op(WasmOpcode.Nop)
            // Counts down in a loop.
            .Get(0).Op(WasmOpcode.LocalTee, 2).Set(2)
            .Open(WasmOpcode.Loop).Get(2).I32(-1).Op(WasmOpcode.I32Add).Op(WasmOpcode.LocalTee, 2).I32(0).Op(WasmOpcode.I32GtS).Op(WasmOpcode.BrIf, 0).End()
            // if, else, br over something.
            .Get(1).Op(WasmOpcode.If).Byte((byte)L).I64(-5).Op(WasmOpcode.Else).I64(0x1234567890).End().Op(WasmOpcode.GlobalSet, 0)
            .Open(WasmOpcode.Block).Open(WasmOpcode.Block).Open(WasmOpcode.Block).Get(0).Op(WasmOpcode.BrTable).Unsigned(2).Byte(0).Byte(1).Byte(2).End()
            .Op(WasmOpcode.Br, 1).End().Get(3).Op(WasmOpcode.Drop).End()
            .Op(WasmOpcode.MemorySize).Byte(0).Op(WasmOpcode.Drop).I32(1).Op(WasmOpcode.MemoryGrow).Byte(0).Op(WasmOpcode.Drop)
            .Op(WasmOpcode.GlobalGet, 0).I64(7).Get(0).Op(WasmOpcode.Select).Op(WasmOpcode.I32WrapI64).Op(WasmOpcode.Drop)
            .Get(0).Get(1).Op(WasmOpcode.Call, 1).Get(0).Op(WasmOpcode.CallIndirect, two).Byte(0);
        return module.Memory(0, 1).Global(L, 1).Table(3).Elements(0, 1, 0)
            .Function("control", [I, I], [I, I], control, I, L)
            .Function("swap", [I, I], [I, I], Body().Get(1).Get(0).Op(WasmOpcode.Return))
            .Function("divide", [I, I], [I], Body().Get(1).Op(WasmOpcode.I32Eqz).Open(WasmOpcode.If).Op(WasmOpcode.Unreachable).End().Get(0).Get(1).Op(WasmOpcode.I32DivS))
            .ToBytes();
    }
}
