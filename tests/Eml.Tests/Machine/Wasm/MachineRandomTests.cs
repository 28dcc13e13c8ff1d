using System.Diagnostics;
using Xunit.Abstractions;

namespace Eml.Tests.Machine.Wasm;

/// <summary>Random modules on the machine and on the plain interpreter: end, results, output, globals, pages, memory and the number of
/// instructions are the same.</summary>
public sealed class MachineRandomTests(ITestOutputHelper output)
{
    /// <summary>EML_WASM_MODULES names another number.</summary>
    private static readonly int s_count = int.TryParse(Environment.GetEnvironmentVariable("EML_WASM_MODULES"), out int count) ? count : 10_000;

    /// <summary>EML_WASM_FIRST names another first module.</summary>
    private static readonly int s_first = int.TryParse(Environment.GetEnvironmentVariable("EML_WASM_FIRST"), out int first) ? first : 1;

    [Fact]
    public void The_machine_does_what_the_plain_interpreter_does()
    {
        var clock = Stopwatch.StartNew();
        var differences = new List<string>();
        long instructions = 0;
        for (int seed = s_first; seed < s_first + s_count && differences.Count < 20; seed++)
        {
            RandomModule random = RandomModules.Make((ulong)seed);
            ModuleRun plain = ModuleRun.Plain(random);
            instructions += plain.Instructions;
            string wanted = plain.Line();
            string found;
            try
            {
                found = MachineRun.Of(random).Line();
            }
            catch (Exception e) when (e is InvalidOperationException or Eml.Numerics.EmlException or IndexOutOfRangeException)
            {
                found = $"{e.GetType().Name}: {e.Message}";
            }
            if (found != wanted)
            {
                differences.Add($"module {seed}:\n  plain   {wanted}\n  machine {found}");
            }
        }
        output.WriteLine($"{s_count} modules from {s_first}, {instructions} instructions, {differences.Count} differences, {clock.Elapsed.TotalSeconds:F1} s");
        Assert.True(differences.Count == 0, string.Join('\n', differences));
    }
}
