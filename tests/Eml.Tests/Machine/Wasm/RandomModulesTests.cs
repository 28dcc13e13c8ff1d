using Eml.Machine.Wasm;
using Xunit.Abstractions;

namespace Eml.Tests.Machine.Wasm;

/// <summary>Random modules are valid, come to an end and execute everything, so that comparing engines on them means something.</summary>
public sealed class RandomModulesTests(ITestOutputHelper output)
{
    /// <summary>EML_WASM_MODULES names another number.</summary>
    private static readonly int s_count = int.TryParse(Environment.GetEnvironmentVariable("EML_WASM_MODULES"), out int count) ? count : 300;

    [Fact]
    public void Modules_are_valid_end_and_execute_every_instruction()
    {
        long[] executed = new long[256];
        var ends = new SortedDictionary<string, int>(StringComparer.Ordinal);
        var counts = new List<long>();
        for (int seed = 1; seed <= s_count; seed++)
        {
            // A module that is not valid, or one without an end, throws here.
            ModuleRun run = ModuleRun.Plain(RandomModules.Make((ulong)seed), executed);
            ends[run.End] = ends.GetValueOrDefault(run.End) + 1;
            counts.Add(run.Instructions);
        }
        counts.Sort();
        output.WriteLine($"instructions: {counts[0]} to {counts[^1]}, median {counts[counts.Count / 2]}, sum {counts.Sum()}");
        output.WriteLine(string.Join('\n', ends.Select(end => $"{end.Value,6} {end.Key}")));
        Assert.InRange(counts[counts.Count / 2], 30, 500);
        Assert.InRange(counts.Count(instructions => instructions > 2000), 0, s_count / 100);
        Assert.InRange(ends[""], s_count / 2, s_count * 19 / 20);
        foreach (string trap in s_count < 300 ? [] : new[] { "unreachable", "integer divide by zero", "integer overflow", "out of bounds memory access", "undefined element",
            "uninitialized element", "indirect call type mismatch" })
        {
            Assert.Contains(trap, ends.Keys);
        }
        Assert.All(WasmOpcodes.Integer, operation => Assert.True(executed[operation.Key] >= s_count / 200, $"{operation.Value.Name}: {executed[operation.Key]} times"));
    }

    /// <summary>The first 300 modules as V8 runs them (Node.js 20), folded into one number; V8 calls an empty place in a table a mismatch. The
    /// first 10,000 were compared one by one with V8 and with Wasmtime 50, which tells them apart: no difference. Whoever changes what is made compares again.</summary>
    [Fact]
    public void The_plain_interpreter_does_what_a_compiling_engine_does()
    {
        uint hash = 0;
        for (ulong seed = 1; seed <= 300; seed++)
        {
            ModuleRun run = ModuleRun.Plain(RandomModules.Make(seed));
            string end = run.End.Replace("uninitialized element", "indirect call type mismatch", StringComparison.Ordinal);
            // When the start function traps there is no instance to look at.
            bool isStarted = !end.StartsWith("start", StringComparison.Ordinal);
            foreach (char c in $"{end} {string.Join(',', run.Results)} {string.Join(',', run.Output)} "
                + (isStarted ? $"{string.Join(',', run.Globals)} {run.Pages} {run.MemoryHash}" : ""))
            {
                hash = unchecked((31 * hash) + c);
            }
        }
        Assert.Equal(1888198382u, hash);
    }

    [Fact]
    public void The_trace_names_every_instruction_that_counts()
    {
        for (ulong seed = 1; seed <= 20; seed++)
        {
            RandomModule random = RandomModules.Make(seed);
            var module = WasmModule.Read(random.Bytes);
            long traced = 0;
            ModuleRun run = ModuleRun.Plain(random, trace: (function, offset, code, _) =>
            {
                traced++;
                Assert.Contains(module.Functions[function - module.ImportedFunctions].Code, instruction => instruction.Offset == offset && instruction.Code == code);
            });
            // An instruction that traps counts, and shows no value.
            Assert.Equal(run.Instructions, traced + (run.End.Length > 0 ? 1 : 0));
        }
    }
}
