using Eml.Machine.Universal;
using Eml.Machine.Wasm;
using static Eml.Tests.Machine.Wasm.SmallModule;

namespace Eml.Tests.Machine.Wasm;

/// <summary>Memory that is read and written while a function is at work: the machine needs slots for it that nothing else uses.</summary>
public sealed class MachinePeekTests
{
    [Fact]
    public void Memory_is_read_and_written_up_to_the_last_slot()
    {
        // A frame of 50,000 variables each; a function that nobody calls could have three times as many slots.
        ModuleBytes wide = Body();
        for (int i = 0; i < 100_000; i++)
        {
            wide.I32(i);
        }
        for (int i = 0; i < 100_000; i++)
        {
            wide.Op(WasmOpcode.Drop);
        }
        WasmModule module = new SmallModule().Import("host", "f", [I], []).Memory(1).Data(8, 1, 2, 3, 4, 5, 6, 7, 8)
            .Function("deep", [I], [], Body().Get(0).Set(49_000).Get(0).Op(WasmOpcode.Call, 0)
                .Get(49_000).I32(1).Op(WasmOpcode.I32Add).Op(WasmOpcode.Call, 1), Enumerable.Repeat(I, 49_999).ToArray())
            .Function("wide", [], [], wide).Read();
        int calls = 0;
        var machine = new WasmMachine(module, new WasmImports().Function("host", "f", (machine, arguments) =>
        {
            Assert.Equal((ulong)calls++, arguments[0]);
            Assert.Equal([1, 2, 3, 4, 5, 6, 7, 8], machine.ReadMemory(8, 8));
            machine.WriteMemory((uint)(100 + calls), [(byte)calls]);
            return [];
        }));
        Assert.Equal([1, 2], machine.ReadMemory(8, 2));
        machine.Begin("deep", 0);
        Assert.Equal(WasmStatus.Trapped, machine.Run(10_000));
        Assert.Equal("call stack exhausted", machine.Trap);
        Assert.Equal(UniversalMachine.MaxSlots / 50_000, calls, 1.0);
        Assert.Equal(Enumerable.Range(1, calls).Select(i => (byte)i), machine.ReadMemory(101, calls));
        machine.Begin("wide");
        Assert.Equal(WasmStatus.Done, machine.Run());
        Assert.Equal([8], machine.ReadMemory(15, 1));
    }

    [Theory]
    [InlineData(1)]
    [InlineData(64)]
    [InlineData(65)]
    [InlineData(1000)]
    public void Arguments_of_a_host_function_outlive_reads_of_memory(int count)
    {
        // Called as the host calls it, without a function of the module between, and by a function.
        WasmType[] parameters = [.. Enumerable.Repeat(L, count)];
        ModuleBytes body = Body();
        for (int i = 0; i < count; i++)
        {
            body.Get(i);
        }
        foreach (bool isOwn in new[] { false, true })
        {
            SmallModule small = new SmallModule().Import("host", "f", parameters, [L]).Memory(1).Data(0, 9, 8, 7, 6, 5, 4, 3, 2);
            WasmModule module = (isOwn ? small.Function("g", parameters, [L], body.Op(WasmOpcode.Call, 0)) : small).Read();
            ulong[] given = [.. Enumerable.Range(1, count).Select(i => (ulong)i << 33)];
            ulong[] got = [];
            var machine = new WasmMachine(module, new WasmImports().Function("host", "f", (machine, arguments) =>
            {
                got = arguments;
                Assert.Equal([7, 6], machine.ReadMemory(2, 2));
                return [77];
            }));
            machine.Begin(isOwn ? 1 : 0, given);
            for (int i = 0; machine.Run(1) == WasmStatus.OutOfFuel; i++)
            {
                Assert.InRange(i, 0, (3 * count) + 10);
                Assert.Equal([9, 8, 7, 6, 5, 4, 3, 2], machine.ReadMemory(0, 8));
                machine.WriteMemory(20, [1, 2, 3]);
            }
            Assert.Equal(given, got);
            Assert.Equal([77UL], machine.Results);
        }
    }
}
