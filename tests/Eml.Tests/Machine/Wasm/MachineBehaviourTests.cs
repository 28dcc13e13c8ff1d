using Eml.Machine.Universal;
using Eml.Machine.Wasm;
using Eml.Numerics;
using static Eml.Tests.Machine.Wasm.SmallModule;

namespace Eml.Tests.Machine.Wasm;

/// <summary>How runs are stopped, continued and ended, and what the host may do.</summary>
public sealed class MachineBehaviourTests
{
    private static readonly WasmModule s_module = Make().Read();

    [Fact]
    public void A_run_with_little_fuel_gives_the_same_tokens()
    {
        List<double[]> whole = Tokens(machine => Assert.Equal(WasmStatus.Done, machine.Run()));
        foreach (int fuel in new[] { 1, 7 })
        {
            List<double[]> pieces = Tokens(machine =>
            {
                int runs = 1;
                for (; machine.Run(fuel) == WasmStatus.OutOfFuel; runs++)
                {
                    Assert.InRange(runs, 1, 10_000);
                }
                Assert.Equal((machine.Tokens + fuel - 1) / fuel, runs);
            });
            Assert.Equal(whole.Count, pieces.Count);
            for (int i = 0; i < whole.Count; i++)
            {
                Golden.AssertBits(whole[i], pieces[i], $"token {i}");
            }
        }
    }

    [Fact]
    public void A_cancelled_run_goes_on()
    {
        var machine = new WasmMachine(s_module);
        var cancel = new Cancel();
        machine.Listener = step =>
        {
            if (step.Token == 100)
            {
                cancel.Set();
            }
            return true;
        };
        machine.Begin("sum", 1000);
        Assert.Equal(WasmStatus.Cancelled, machine.Run(100_000, cancel));
        Assert.InRange(machine.Tokens, 101, 400);
        Assert.Equal(WasmStatus.Cancelled, machine.Run(100_000, cancel));
        cancel.Reset();
        Assert.Equal(WasmStatus.Done, machine.Run(100_000, cancel));
        Assert.Equal([500_500UL], machine.Results);
    }

    [Fact]
    public void A_listener_stops_the_run_at_its_token()
    {
        var machine = new WasmMachine(s_module) { Listener = step => step.Token % 50 != 9 };
        machine.Begin("sum", 100);
        Assert.Equal(WasmStatus.Cancelled, machine.Run());
        Assert.Equal(10, machine.Tokens);
        WasmStatus status;
        int stops = 1;
        while ((status = machine.Run()) == WasmStatus.Cancelled)
        {
            stops++;
        }
        Assert.Equal((WasmStatus.Done, 5050UL), (status, machine.Results[0]));
        Assert.InRange(stops, machine.Tokens / 50, (machine.Tokens / 50) + 1);
    }

    [Fact]
    public void A_trap_and_an_abandoned_run_leave_the_machine_usable()
    {
        var machine = new WasmMachine(s_module);
        machine.WriteMemory(100, [1, 2, 3]);
        machine.Begin("divide", 1, 0);
        Assert.Equal(WasmStatus.Trapped, machine.Run(100));
        Assert.Equal("integer divide by zero", machine.Trap);
        Assert.Empty(machine.Results);
        Assert.Equal(ErrorCode.State, Assert.Throws<EmlException>(() => machine.Run(1)).Code);
        Assert.Equal([2UL], machine.Invoke("divide", 7, 3));
        Assert.Null(machine.Trap);
        for (int fuel = 1; fuel < 40; fuel++)
        {
            machine.Begin("deep", 10);
            Assert.Equal(WasmStatus.OutOfFuel, machine.Run(fuel));
            machine.Begin("sum", 3);
            Assert.Equal((WasmStatus.Done, 6UL), (machine.Run(1000), machine.Results[0]));
        }
        Assert.Equal("wasm: trap: integer overflow", Assert.Throws<EmlException>(() => machine.Invoke("divide", 0x80000000, 0xFFFFFFFF)).Message);
        Assert.Equal([1, 2, 3], machine.ReadMemory(100, 3));
    }

    [Fact]
    public void Calls_go_deep_and_end_when_there_are_too_many()
    {
        var machine = new WasmMachine(s_module);
        Assert.Equal([10_000UL], machine.Invoke("deep", 10_000));
        foreach (string name in new[] { "endless", "wide" })
        {
            machine.Begin(name);
            Assert.Equal((name, WasmStatus.Trapped, "call stack exhausted"), (name, machine.Run(2_000_000), machine.Trap));
        }
        Assert.Equal([5UL], machine.Invoke("deep", 5));
    }

    [Fact]
    public void Long_loops_need_no_more_memory_than_short_ones()
    {
        var machine = new WasmMachine(s_module);
        Assert.Equal([0UL], machine.Invoke("count", 10_000));
        long bytes = machine.StateBytes;
        Assert.Equal([0UL], machine.Invoke("count", 1_000_000));
        Assert.Equal(bytes, machine.StateBytes);
        Assert.InRange(bytes, 1, 1_000_000);
    }

    [Fact]
    public void A_host_function_reads_and_writes_memory_and_its_results_are_checked()
    {
        ulong[] give = [42];
        WasmModule module = new SmallModule().Import("host", "f", [L, I], [L]).Memory(1)
            .Function("call", [L, I], [L], Body().I64(-1).Get(0).Get(1).Op(WasmOpcode.Call, 0).Op(WasmOpcode.I64Add)).Read();
        var machine = new WasmMachine(module, new WasmImports().Function("host", "f", (machine, arguments) =>
        {
            Assert.Equal([0x1_2345_6789UL, 0xFFFFFFFE], arguments);
            byte[] bytes = machine.ReadMemory(13, 9);
            Assert.Equal((byte)7, bytes[8]);
            bytes[8]++;
            machine.WriteMemory(13, bytes);
            return give;
        }));
        machine.WriteMemory(21, [7]);
        // An i32 takes the lower half of what is given.
        Assert.Equal([41UL], machine.Invoke("call", 0x1_2345_6789, 0xABC_FFFFFFFE));
        Assert.Equal([0, 8, 0], machine.ReadMemory(20, 3));
        foreach (int count in new[] { 0, 2 })
        {
            give = new ulong[count];
            machine.WriteMemory(21, [7]);
            EmlException e = Assert.Throws<EmlException>(() => machine.Invoke("call", 0x1_2345_6789, 0xFFFFFFFE));
            Assert.Equal((ErrorCode.Argument, $"wasm: host function 0 gave {count} results; it must give 1"), (e.Code, e.Message));
        }
        give = [1];
        machine.WriteMemory(21, [7]);
        Assert.Equal([0UL], machine.Invoke("call", 0x1_2345_6789, 0xFFFFFFFE));
        // Imported functions can be called from outside too.
        machine.WriteMemory(21, [7]);
        machine.Begin(0, 0x1_2345_6789, 0xFFFFFFFE);
        Assert.Equal((WasmStatus.Done, 1UL), (machine.Run(100), machine.Results[0]));
    }

    [Fact]
    public void Reading_memory_at_any_time_leaves_globals_and_locals_alone()
    {
        var withGlobals = new SmallModule().Memory(1).Data(0, 9, 8, 7, 6, 5, 4, 3, 2);
        ModuleBytes globals = Body().I64(0);
        ModuleBytes locals = Body();
        for (int i = 0; i < 100; i++)
        {
            withGlobals.Global(L, i);
            globals.Op(WasmOpcode.GlobalGet, i).Op(WasmOpcode.I64Add);
            locals.I64(i).Set(i);
        }
        locals.I64(0);
        for (int i = 0; i < 200; i++)
        {
            locals.Get(i).Op(WasmOpcode.I64Add);
        }
        var machine = new WasmMachine(withGlobals.Function("globals", [], [L], globals).Read());
        Assert.Equal([9, 8, 7], machine.ReadMemory(0, 3));
        Assert.Equal([4950UL], machine.Invoke("globals"));
        machine = new WasmMachine(new SmallModule().Memory(1).Data(0, 9, 8, 7, 6, 5, 4, 3, 2)
            .Function("locals", [], [L], locals, [.. Enumerable.Repeat(L, 200)]).Read());
        bool isReading = false;
        machine.Listener = step =>
        {
            if (step.Token % 40 == 3 && !isReading)
            {
                isReading = true;
                Assert.Equal([6, 5], machine.ReadMemory(3, 2));
                isReading = false;
            }
            return true;
        };
        machine.Begin("locals");
        Assert.Equal([2, 0], machine.ReadMemory(7, 2));
        Assert.Equal((WasmStatus.Done, 4950UL), (machine.Run(10_000), machine.Results.FirstOrDefault()));
    }

    [Fact]
    public void Wrong_calls_say_what_is_wrong()
    {
        var machine = new WasmMachine(new SmallModule().Function("one", [I], [], Body()).Function("two", [], [], Body()).Read());
        Says(ErrorCode.State, "wasm: no function is being called; begin one", () => machine.Run(1));
        Says(ErrorCode.Argument, "wasm: the module exports no function 'three'; it exports one, two", () => machine.Begin("three"));
        Says(ErrorCode.Argument, "wasm: the function takes 1 arguments [i32] -> []; 2 are given", () => machine.Begin("one", 1, 2));
        Says(ErrorCode.Argument, "wasm: 1 bytes at 0 are beyond the memory's 0", () => machine.ReadMemory(0, 1));
        WasmModule module = new SmallModule().Import("env", "input", [], [I]).Function("f", [], [], Body()).Read();
        Says(ErrorCode.Argument, "wasm: unknown import: the host gives no function 'env.input'", () => _ = new WasmMachine(module));
        Says(ErrorCode.Argument, "wasm: data segment does not fit: 2 bytes at 65535 in a memory of 65536",
            () => _ = new WasmMachine(new SmallModule().Memory(1).Data(65535, 1, 2).Read()));
        Says(ErrorCode.Argument, "wasm: data segment does not fit: 0 bytes at 4294967295 in a memory of 65536",
            () => _ = new WasmMachine(new SmallModule().Memory(1).Data(-1).Read()));
        Says(ErrorCode.Argument, "wasm: elements segment does not fit: 2 elements at 2 in a table of 3",
            () => _ = new WasmMachine(new SmallModule().Function("f", [], [], Body()).Table(3).Elements(2, 0, 0).Read()));
        // At the very end they fit.
        _ = new WasmMachine(new SmallModule().Memory(1).Data(65534, 1, 2).Data(65536).Function("f", [], [], Body()).Table(3).Elements(1, 0, 0).Elements(3).Read());
    }

    private static void Says(ErrorCode code, string message, Action action)
    {
        EmlException e = Assert.Throws<EmlException>(action);
        Assert.Equal((code, message), (e.Code, e.Message));
    }

    private static List<double[]> Tokens(Action<WasmMachine> run)
    {
        var tokens = new List<double[]>();
        var machine = new WasmMachine(s_module)
        {
            Listener = step =>
            {
                Assert.Equal(tokens.Count, step.Token);
                tokens.Add(step.Numbers.ToArray());
                return true;
            },
        };
        machine.Begin("deep", 30);
        run(machine);
        Assert.Equal([30UL], machine.Results);
        return tokens;
    }

    private static SmallModule Make() => new SmallModule().Memory(1)
        // n + (n - 1) + ... + 1
        .Function("sum", [I], [L], Body().Open(WasmOpcode.Loop).Get(1).Get(0).Op(WasmOpcode.I64ExtendI32U).Op(WasmOpcode.I64Add).Set(1)
            .Get(0).I32(1).Op(WasmOpcode.I32Sub).Op(WasmOpcode.LocalTee, 0).Op(WasmOpcode.BrIf, 0).End().Get(1), L)
        .Function("divide", [I, I], [I], Body().Get(0).Get(1).Op(WasmOpcode.I32DivS))
        .Function("deep", [I], [I], Body().Get(0).Op(WasmOpcode.If).Byte((byte)I).Get(0).I32(1).Op(WasmOpcode.I32Sub).Op(WasmOpcode.Call, 2).I32(1)
            .Op(WasmOpcode.I32Add).Op(WasmOpcode.Else).I32(0).End())
        .Function("endless", [], [], Body().Op(WasmOpcode.Call, 3))
        .Function("wide", [], [], Body().Op(WasmOpcode.Call, 4), [.. Enumerable.Repeat(L, 2000)])
        .Function("count", [I], [I], Body().Open(WasmOpcode.Loop).Get(0).I32(1).Op(WasmOpcode.I32Sub).Op(WasmOpcode.LocalTee, 0).Op(WasmOpcode.BrIf, 0).End().Get(0));
}
