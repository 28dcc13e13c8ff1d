using Eml.Machine.Universal;
using Eml.Machine.Wasm;
using static Eml.Tests.Machine.Wasm.SmallModule;

namespace Eml.Tests.Machine.Wasm;

/// <summary>Loads and stores wherever they can be, and the size of the memory.</summary>
public sealed class MachineMemoryTests
{
    [Fact]
    public void Loads_and_stores_do_what_the_plain_interpreter_does_everywhere()
    {
        WasmModule module = Operations().Read();
        var machine = new WasmMachine(module);
        var plain = new PlainWasm(module);
        uint[] addresses = [.. Around(0, 0, 17), .. Around(65536, 9, 9), .. Around(131072, 17, 2), 131072 * 4, uint.MaxValue - 7, uint.MaxValue - 3, uint.MaxValue];
        ulong value = 0x8182_8384_F5F6_F7F8;
        foreach (WasmOperation operation in WasmOpcodes.Integer.Values.Where(operation => operation.Width >= 0).OrderBy(operation => operation.Pushes is not null))
        {
            foreach (uint address in addresses)
            {
                value = (value * 6364136223846793005) + 1442695040888963407;
                ulong[] arguments = operation.Pops!.Length == 1 ? [address] : [address, operation.Pops[1] == I ? (uint)value : value];
                string what = $"{operation.Name} {address}: ";
                string wanted;
                try
                {
                    wanted = string.Join(' ', plain.Invoke(operation.Name, arguments));
                }
                catch (PlainTrapException e)
                {
                    wanted = e.Message;
                }
                machine.Begin(operation.Name, arguments);
                string found = machine.Run(100) == WasmStatus.Done ? string.Join(' ', machine.Results) : $"{machine.Trap}";
                Assert.Equal(what + wanted, what + found);
            }
        }
        foreach ((uint from, int count) in new[] { (0u, 32), (65516u, 40), (131040u, 32) })
        {
            Assert.Equal(Enumerable.Range(0, count).Select(i => plain.Memory![from + (ulong)i]), machine.ReadMemory(from, count));
        }
    }

    [Fact]
    public void Offsets_do_not_wrap_at_4_GiB()
    {
        WasmModule module = new SmallModule().Memory(0)
            .Function("grow", [I], [I], Body().Get(0).Op(WasmOpcode.MemoryGrow).Byte(0))
            .Function("size", [], [I], Body().Op(WasmOpcode.MemorySize).Byte(0))
            .Function("far", [I], [I], Body().Get(0).At(WasmOpcode.I32Load8U, uint.MaxValue))
            .Function("near", [I], [I], Body().Get(0).At(WasmOpcode.I32Load8U, 1))
            .Function("wide", [I], [L], Body().Get(0).At(WasmOpcode.I64Load, 0))
            .Function("store", [I, L], [], Body().Get(0).Get(1).At(WasmOpcode.I64Store, 0)).Read();
        var machine = new WasmMachine(module);
        Assert.Equal("out of bounds memory access", Call(machine, "near", 0));
        Assert.Equal("4294967295", Call(machine, "grow", uint.MaxValue));
        Assert.Equal("4294967295", Call(machine, "grow", 65537));
        Assert.Equal("0", Call(machine, "grow", 65535));
        Assert.Equal("out of bounds memory access", Call(machine, "far", 0));
        Assert.Equal("4294967295", Call(machine, "grow", 2));
        Assert.Equal("65535", Call(machine, "grow", 1));
        Assert.Equal("4294967295", Call(machine, "grow", 1));
        Assert.Equal("65536", Call(machine, "grow", 0));
        Assert.Equal("65536", Call(machine, "size"));
        Assert.Equal(65536, machine.Pages);
        Assert.Equal("0", Call(machine, "wide", 0xFFFFFFF8));
        Assert.Equal("", Call(machine, "store", 0xFFFFFFF7, 0x1122334455667788));
        Assert.Equal("", Call(machine, "store", 0xFFFFFFF8, 0x99AABBCCDDEEFF00));
        Assert.Equal($"{0x99AABBCCDDEEFF00}", Call(machine, "wide", 0xFFFFFFF8));
        Assert.Equal($"{0xAABBCCDDEEFF0088}", Call(machine, "wide", 0xFFFFFFF7));
        Assert.Equal("out of bounds memory access", Call(machine, "store", 0xFFFFFFF9, 1));
        Assert.Equal($"{0x99}", Call(machine, "far", 0));
        Assert.Equal("out of bounds memory access", Call(machine, "far", 1));
        Assert.Equal("out of bounds memory access", Call(machine, "far", uint.MaxValue));
        Assert.Equal($"{0x99}", Call(machine, "near", 0xFFFFFFFE));
        Assert.Equal("out of bounds memory access", Call(machine, "near", 0xFFFFFFFF));
        Assert.Equal([0x88, 0, 0xFF], machine.ReadMemory(0xFFFFFFF7, 3));
        Assert.Equal([0x99], machine.ReadMemory(0xFFFFFFFF, 1));
    }

    [Fact]
    public void Memory_grows_up_to_its_own_limit()
    {
        var machine = new WasmMachine(Operations().Read());
        Assert.Equal("out of bounds memory access", Call(machine, "i32.store8", 131072, 1));
        Assert.Equal("2", Call(machine, "memory.grow", 0));
        Assert.Equal("4294967295", Call(machine, "memory.grow", 2));
        Assert.Equal("2", Call(machine, "memory.grow", 1));
        Assert.Equal("4294967295", Call(machine, "memory.grow", 1));
        Assert.Equal(3, machine.Pages);
        Assert.Equal("", Call(machine, "i32.store8", 131072, 1));
        Assert.Equal("1", Call(machine, "i32.load8_s", 131072));
        Assert.Equal("0", Call(machine, "i64.load", 131073));
    }

    private static IEnumerable<uint> Around(long place, int before, int after) => Enumerable.Range(-before, before + after).Select(i => (uint)(place + i));

    private static string Call(WasmMachine machine, string name, params ulong[] arguments)
    {
        machine.Begin(name, arguments);
        return machine.Run(1000) == WasmStatus.Done ? string.Join(' ', machine.Results) : $"{machine.Trap}";
    }
}
