using System.Text.Json;
using Eml.Machine.Universal;
using Eml.Machine.Wasm;
using Xunit.Abstractions;

namespace Eml.Tests.Machine.Wasm;

/// <summary>The machine against tables and programs whose results and counts others computed.</summary>
public sealed class MachineGoldenTests(ITestOutputHelper output)
{
    [Fact]
    public void Operations_give_the_results_of_the_golden_tables()
    {
        var machine = new WasmMachine(SmallModule.Operations().Read());
        int rows = 0;
        foreach (string file in new[] { "i32.csv", "i64.csv", "i32_edge.csv", "i64_edge.csv", "signext.csv" })
        {
            string path = Golden.PathOf("wasm", file);
            if (!File.Exists(path))
            {
                output.WriteLine($"skipped: {file} is only in ../shared/golden");
                continue;
            }
            foreach (string line in File.ReadLines(path).Skip(1))
            {
                string[] cells = line.Split(',');
                machine.Begin(cells[0], cells[2].Length == 0 ? [ulong.Parse(cells[1])] : [ulong.Parse(cells[1]), ulong.Parse(cells[2])]);
                string result = machine.Run(100) switch
                {
                    WasmStatus.Done => string.Join(' ', machine.Results),
                    WasmStatus.Trapped => $"trap:{machine.Trap}",
                    WasmStatus other => $"{other}",
                };
                Assert.True(cells[3] == result, $"{file}: {line}: {result}");
                rows++;
            }
        }
        output.WriteLine($"{rows} rows, {machine.Tokens} tokens");
        Assert.InRange(rows, Golden.IsFull ? 67_115 : 744, int.MaxValue);
    }

    [Fact]
    public void Loads_and_stores_give_the_results_of_the_golden_table_wherever_they_are()
    {
        var machine = new WasmMachine(SmallModule.Operations().Read());
        byte[] filled = [.. Enumerable.Repeat((byte)0x5A, 24)];
        // Every place in a word, at the end of a page, of the memory's half that a word's number splits, and of the memory.
        uint[] places = [8, 17, 26, 35, 44, 53, 62, 71, 65536 - 3, 65536 - 8, 131072 - 8];
        int rows = 0;
        foreach (string line in File.ReadLines(Golden.PathOf("wasm", "memory_ops.csv")).Skip(1))
        {
            string[] cells = line.Split(',');
            uint place = places[rows % places.Length];
            int after = (int)Math.Min(8, 131072 - 8 - place);
            byte[] wanted = [.. filled[..8], .. Convert.FromHexString(cells[1]), .. filled[..after]];
            machine.WriteMemory(place - 8, wanted);
            bool isStore = cells[2].Length > 0;
            machine.Begin(cells[0], isStore ? [place, ulong.Parse(cells[2])] : [place]);
            Assert.Equal((line, WasmStatus.Done), (line, machine.Run(100)));
            if (isStore)
            {
                Convert.FromHexString(cells[3]).CopyTo(wanted, 8);
            }
            else
            {
                Assert.Equal((line, cells[3]), (line, $"{machine.Results[0]}"));
            }
            Assert.True(wanted.AsSpan().SequenceEqual(machine.ReadMemory(place - 8, wanted.Length)), $"{line} at {place}");
            rows++;
        }
        Assert.InRange(rows, 346, int.MaxValue);
    }

    public static IEnumerable<object[]> Programs() => WasmModuleTests.Programs();

    [Theory]
    [MemberData(nameof(Programs))]
    public void Programs_give_results_and_counts_of_the_golden_files(string name)
    {
        string path = Golden.PathOf("wasm", $"programs/{name}.json");
        if (!File.Exists(path))
        {
            output.WriteLine($"skipped: {name}.json is only in ../shared/golden");
            return;
        }
        var module = WasmModule.Read(File.ReadAllBytes(Golden.PathOf("wasm", $"programs/{name}.wasm")));
        JsonElement json = JsonDocument.Parse(File.ReadAllBytes(path)).RootElement;
        int cases = 0;
        foreach (JsonElement test in json.Array("cases"))
        {
            string what = $"{name} {test.At("name")}";
            long instructions = test.At("instructions").GetInt64();
            int[] input = [.. test.Array("input").Select(number => number.GetInt32())];
            var numbers = new List<uint>();
            int next = 0;
            long calls = 0;
            WasmImports imports = new WasmImports()
                .Function("env", "input", (_, _) =>
                {
                    calls++;
                    return [(uint)(next < input.Length ? input[next++] : -1)];
                })
                .Function("env", "output", (_, arguments) =>
                {
                    calls++;
                    numbers.Add((uint)arguments[0]);
                    return [];
                });
            var machine = new WasmMachine(module, imports);
            machine.Begin(json.At("export").GetString()!);
            WasmStatus status = machine.Run(3 * (instructions + 1000));
            output.WriteLine($"{what}: {machine.Instructions} instructions, {machine.Tokens} tokens, {machine.StateBytes} bytes");
            JsonElement result = test.At("result");
            Assert.Equal((what, test.At("trap").GetString()), (what, machine.Trap));
            Assert.Equal((what, test.At("trap").GetString() is null ? WasmStatus.Done : WasmStatus.Trapped), (what, status));
            Assert.Equal(result.ValueKind == JsonValueKind.Null ? [] : [result.GetUInt32()], machine.Results);
            Assert.Equal(test.Array("output").Select(number => number.GetUInt32()), numbers);
            Assert.Equal((what, instructions), (what, machine.Instructions));
            Assert.Equal((what, test.At("host_calls").GetInt64()), (what, calls));
            Assert.Equal((what, test.At("memory_pages").GetInt64()), (what, machine.Pages));
            cases++;
        }
        Assert.InRange(cases, 2, int.MaxValue);
    }
}
