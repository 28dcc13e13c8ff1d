using Eml.Machine.Universal;
using Eml.Machine.Wasm;
using static Eml.Tests.Machine.Wasm.SmallModule;

namespace Eml.Tests.Machine.Wasm;

/// <summary>Branches, blocks and calls with several values, and calls through the table.</summary>
public sealed class MachineControlTests
{
    private static readonly WasmType[] s_none = [];
    private static readonly WasmType[] s_two = [L, I];
    private static readonly WasmType[] s_three = [I, L, I];

    [Fact]
    public void Branches_take_several_values_along()
    {
        var module = new SmallModule();
        int two = module.Type(s_none, s_two);
        int three = module.Type(s_none, s_three);
        int loop = module.Type([I, L], [L]);
        // Each block leaves something below the values that are taken along.
        module.Function("br2", s_none, s_two, Body().Op(WasmOpcode.Block, two).I32(7).I64(8).I64(-9).I32(10).Op(WasmOpcode.Br, 0).End())
            .Function("br3", s_none, s_three, Body().I64(1).I64(2).Op(WasmOpcode.Drop).Op(WasmOpcode.Drop)
                .Op(WasmOpcode.Block, three).I64(5).I64(6).I32(11).I64(-12).I32(-13).Op(WasmOpcode.Br, 0).End())
            .Function("br_if2", [I], s_two, Body().Op(WasmOpcode.Block, two).I32(7).I64(20).I32(21).Get(0).Op(WasmOpcode.BrIf, 0)
                .Op(WasmOpcode.Drop).Op(WasmOpcode.Drop).Op(WasmOpcode.Drop).I64(22).I32(23).End())
            .Function("br_if3", [I], s_three, Body().Op(WasmOpcode.Block, three).I32(3).I64(4).I32(30).I64(31).I32(32).Get(0).Op(WasmOpcode.BrIf, 0)
                .Set(0).Op(WasmOpcode.Drop).Op(WasmOpcode.Drop).Op(WasmOpcode.Drop).Op(WasmOpcode.Drop).I32(33).I64(34).Get(0).End())
            .Function("br_if, nothing below", [I], s_three, Body().Op(WasmOpcode.Block, three).I32(30).I64(31).I32(32).Get(0).Op(WasmOpcode.BrIf, 0)
                .I32(1).Op(WasmOpcode.I32Add).End())
            .Function("br_table2", [I], s_two, Body().Op(WasmOpcode.Block, two).I32(1).Op(WasmOpcode.Block, two).I32(2).Op(WasmOpcode.Block, two)
                .I32(3).I32(4).I64(40).I32(41).Get(0).Op(WasmOpcode.BrTable).Unsigned(3).Byte(0).Byte(1).Byte(2).Byte(3).End()
                .Set(1).I64(100).Op(WasmOpcode.I64Add).Get(1).Op(WasmOpcode.Br, 0).End()
                .Set(1).I64(1000).Op(WasmOpcode.I64Add).Get(1).Op(WasmOpcode.Br, 0).End(), I)
            .Function("br_table3", [I], s_three, Body().Op(WasmOpcode.Block, three).I64(1).Op(WasmOpcode.Block, three).I32(50).I64(51).I32(52).Get(0)
                .Op(WasmOpcode.BrTable).Unsigned(2).Byte(0).Byte(1).Byte(2).End().I32(1).Op(WasmOpcode.I32Add).Op(WasmOpcode.Br, 0).End())
            .Function("return", [I], s_three, Body().I64(1).I32(2).I32(60).I64(61).Get(0).Op(WasmOpcode.Return))
            .Function("call", [I], s_three, Body().Get(0).Op(WasmOpcode.Call, 7).I32(5).Op(WasmOpcode.I32Mul))
            .Function("loop", [I, L], [L], Body().Get(0).Get(1).Op(WasmOpcode.Loop, loop).Set(1).Set(0)
                .Get(0).I32(-1).Op(WasmOpcode.I32Add).Get(1).Get(0).Op(WasmOpcode.I64ExtendI32U).Op(WasmOpcode.I64Mul).Get(0).I32(2).Op(WasmOpcode.I32GtS)
                .Op(WasmOpcode.BrIf, 0).Set(1).Op(WasmOpcode.Drop).Get(1).End())
            .Function("if", [I], s_two, Body().Get(0).Op(WasmOpcode.If, two).I64(70).I32(71).Op(WasmOpcode.Else).I64(72).I32(73).End());
        WasmModule read = module.Read();
        var machine = new WasmMachine(read);
        var plain = new PlainWasm(read);
        var wanted = new Dictionary<string, string>
        {
            ["br2"] = "18446744073709551607 10",
            ["br3"] = "11 18446744073709551604 4294967283",
            ["br_if2 0"] = "22 23",
            ["br_if2 1"] = "20 21",
            ["br_if3 0"] = "33 34 32",
            ["br_if3 1"] = "30 31 32",
            ["br_if, nothing below 0"] = "30 31 33",
            ["br_table2 0"] = "1140 41",
            ["br_table2 1"] = "1040 41",
            ["br_table2 2"] = "40 41",
            ["br_table2 3"] = "40 41",
            ["br_table2 4294967295"] = "40 41",
            ["br_table3 0"] = "50 51 53",
            ["return 9"] = "60 61 9",
            ["call 9"] = "60 61 45",
            ["loop 6 1"] = "720",
            ["if 0"] = "72 73",
            ["if 5"] = "70 71",
        };
        foreach (WasmExport export in read.Exports)
        {
            int count = read.Types[read.FunctionTypes[export.Index]].Parameters.Length;
            foreach (ulong[] arguments in count == 0 ? [[]] : count == 2 ? [[6, 1], [2, 3]] : new ulong[][] { [0], [1], [2], [3], [5], [9], [uint.MaxValue] })
            {
                string what = $"{export.Name} {string.Join(' ', arguments)}".Trim();
                string expected = string.Join(' ', plain.Invoke(export.Name, arguments));
                machine.Begin(export.Index, arguments);
                Assert.Equal((what, WasmStatus.Done), (what, machine.Run(1000)));
                Assert.Equal((what, expected), (what, string.Join(' ', machine.Results)));
                if (wanted.Remove(what, out string? literal))
                {
                    Assert.Equal((what, literal), (what, expected));
                }
            }
        }
        Assert.Empty(wanted);
        Assert.Equal(plain.Instructions, machine.Instructions);
    }

    [Fact]
    public void Calls_through_the_table_are_checked()
    {
        var module = new SmallModule();
        int unary = module.Type([I], [I]);
        var machine = new WasmMachine(module.Memory(1).Table(70_000).Elements(1, 0, 1, 0).Elements(69_999, 0)
            .Data(0, 1).Data(8, 2)
            .Function("double", [I], [I], Body().Get(0).I32(2).Op(WasmOpcode.I32Mul))
            .Function("wide", [L], [L], Body().Get(0))
            .Function("call", [I, I], [I], Body().Get(0).Get(1).Op(WasmOpcode.CallIndirect, unary).Byte(0)).Read());
        (ulong Element, string Wanted)[] calls = [(1, "42"), (2, "indirect call type mismatch"), (3, "42"), (0, "uninitialized element"), (4, "uninitialized element"),
            (65536, "uninitialized element"), (69_998, "uninitialized element"), (69_999, "42"), (70_000, "undefined element"), (135_535, "undefined element"),
            (0x80000000, "undefined element"), (0x80000001, "undefined element"), (uint.MaxValue, "undefined element"), (1, "42")];
        foreach ((ulong element, string wanted) in calls)
        {
            machine.Begin("call", 21, element);
            string found = machine.Run(100) == WasmStatus.Done ? $"{machine.Results[0]}" : machine.Trap!;
            Assert.Equal((element, wanted), (element, found));
        }
        // Words of the memory with the numbers of elements are something else.
        Assert.Equal([1, 0, 0, 0, 0, 0, 0, 0, 2], machine.ReadMemory(0, 9));
    }
}
