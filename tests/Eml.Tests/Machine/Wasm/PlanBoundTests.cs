using Eml.Machine.Planned;
using Eml.Machine.Universal;
using Eml.Machine.Wasm;
using Xunit.Abstractions;

namespace Eml.Tests.Machine.Wasm;

/// <summary>Whatever the numbers of a token are, within their ranges, every sum that a forward pass makes of them is exact.</summary>
public sealed class PlanBoundTests(ITestOutputHelper output)
{
    private const double Exact = 9007199254740992.0; // 2^53

    /// <summary>Their bound needs to know that a remainder is below its divisor, which ranges of single numbers cannot say.</summary>
    private static readonly string[] s_divisions =
        ["i32.div_s", "i32.div_u", "i32.rem_s", "i32.rem_u", "i64.div_s", "i64.div_u", "i64.rem_s", "i64.rem_u"];

    private static readonly Planner s_planner = new(WasmMachine.Weights);

    [Fact]
    public void Sums_stay_below_2_to_the_53_for_every_operation_but_divisions()
    {
        double most = 0.0;
        int seen = 0;
        foreach (int operation in Operations())
        {
            string name = NameOf(operation);
            double largest = s_planner.Of((int)Field.Generated, operation).Largest;
            output.WriteLine($"{name,-24} 2^{Math.Log2(largest):F2}");
            if (!s_divisions.Contains(name))
            {
                Assert.True(largest < Exact, $"{name}: {largest}");
                most = Math.Max(most, largest);
                seen++;
            }
        }
        output.WriteLine($"{seen} operations, the largest sum below 2^{Math.Log2(most):F2}");
        Assert.Equal(WasmOpcodes.Integer.Count + 3 - s_divisions.Length, seen);
    }

    [Fact]
    public void Sums_stay_below_2_to_the_53_for_tokens_of_the_prompt() =>
        Assert.InRange(s_planner.Of((int)Field.All, MachineOp.Idle).Largest, 1.0, Exact - 1.0);

    /// <summary>Every row of the decoding table that says something, and the one that says nothing.</summary>
    private static IEnumerable<int> Operations() =>
        WasmOpcodes.Integer.Keys.Select(code => MachineOp.Of((WasmOpcode)code)).Order().Prepend(MachineOp.Idle)
            .Append(MachineOp.LocalGetOwn).Append(MachineOp.HostCall);

    private static string NameOf(int operation) => operation switch
    {
        MachineOp.Idle => "idle",
        MachineOp.LocalGetOwn => "local.get of a variable",
        MachineOp.HostCall => "call of the host",
        _ => WasmOpcodes.Integer[(byte)(operation - 1)].Name,
    };
}
