using Eml.Machine.Planned;
using Eml.Machine.Universal;
using Eml.Machine.Wasm;
using static Eml.Tests.Machine.Wasm.SmallModule;

namespace Eml.Tests.Machine.Wasm;

/// <summary>What `eml wasm bench` says of the work of a forward pass.</summary>
public sealed class PlanWorkTests
{
    [Fact]
    public void Work_is_the_sum_of_the_plans_that_ran()
    {
        WasmModule module = new SmallModule().Function("f", [I, I], [I], Body().Get(0).Get(1).Op(WasmOpcode.I32Add)).Read();
        var machine = new WasmMachine(module);
        Assert.Equal(default, machine.Work);
        Assert.Equal([7UL], machine.Invoke("f", 3, 4));
        // The call, two operands, the sum, the return, its value, and the end.
        int[] ran = [MachineOp.Of(WasmOpcode.Call), MachineOp.Of(WasmOpcode.LocalGet), MachineOp.Of(WasmOpcode.LocalGet), MachineOp.Of(WasmOpcode.I32Add),
            MachineOp.Of(WasmOpcode.Return), MachineOp.HostCall, MachineOp.HostCall];
        var planner = new Planner(WasmMachine.Weights);
        PlanWork[] each = [.. ran.Select(operation => Count(planner.Of((int)Field.Generated, operation)))];
        Assert.Equal(ran.Length, machine.Tokens);
        Assert.Equal(new PlanWork(each.Length, each.Sum(work => work.MultiplyAdds), each.Sum(work => work.Lookups), each.Sum(work => work.Values)), machine.Work);
        Assert.Equal(machine.Work.MultiplyAdds + machine.Work.Values, machine.Work.Nonzeros);
        var dense = new WasmMachine(module, dense: true);
        dense.Invoke("f", 3, 4);
        Assert.Equal(default, dense.Work);
    }

    /// <summary>Counted once more, operation by operation as a plan executes them; the next token's numbers are what its results need at least.</summary>
    private static PlanWork Count(Plan plan)
    {
        long terms = plan.Work.MultiplyAdds;
        long lookups = 0;
        long values = 0;
        long operands = 0;
        foreach (PlanOp op in plan.Ops)
        {
            operands += op.A.Registers.Length + op.B.Registers.Length + op.C.Registers.Length + op.Values.Sum(form => form.Registers.Length);
            switch (op.Kind)
            {
                case PlanKind.Find or PlanKind.Row:
                    lookups++;
                    values += op.Targets.Length;
                    break;
                case PlanKind.Insert:
                    lookups++;
                    values += op.Values.Length;
                    break;
                case PlanKind.Bends:
                    operands += op.Bends.Length;
                    break;
                case PlanKind.Product or PlanKind.Gated:
                    operands++;
                    break;
            }
        }
        Assert.InRange(terms, operands + 3, operands + 200);
        return new PlanWork(1, terms, lookups, values);
    }
}
