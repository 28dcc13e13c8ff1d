using System.Text.Json;
using Eml.Machine.Wasm;
using Xunit.Abstractions;

namespace Eml.Tests.Machine.Wasm;

/// <summary>The plain interpreter against tables and programs whose results and counts others computed.</summary>
public sealed class PlainWasmTests(ITestOutputHelper output)
{
    public static IEnumerable<object[]> Programs() => WasmModuleTests.Programs();

    [Theory]
    [MemberData(nameof(Programs))]
    public void Programs_give_results_and_counts_of_the_golden_files(string name)
    {
        if (!Golden.IsFull)
        {
            output.WriteLine($"skipped: {name}.json is only in ../shared/golden");
            return;
        }
        var module = WasmModule.Read(File.ReadAllBytes(Golden.PathOf("wasm", $"programs/{name}.wasm")));
        JsonElement json = JsonDocument.Parse(File.ReadAllBytes(Golden.PathOf("wasm", $"programs/{name}.json"))).RootElement;
        foreach (JsonElement test in json.Array("cases"))
        {
            var host = new PlainHosts([.. test.Array("input").Select(number => number.GetInt32())]);
            var instance = new PlainWasm(module, host.Import);
            uint? result = null;
            string? trap = null;
            try
            {
                result = (uint)instance.Invoke(json.At("export").GetString()!)[0];
            }
            catch (PlainTrapException e)
            {
                trap = e.Message;
            }
            string what = $"{name} {test.At("name")}";
            output.WriteLine($"{what}: {instance.Instructions} instructions");
            Assert.Equal((what, test.At("trap").GetString()), (what, trap));
            Assert.Equal((what, test.At("result").ValueKind == JsonValueKind.Null ? null : test.At("result").GetUInt32()), (what, result));
            Assert.Equal(test.Array("output").Select(number => number.GetUInt32()), host.Numbers);
            Assert.Equal((what, test.At("instructions").GetInt64()), (what, instance.Instructions));
            Assert.Equal((what, test.At("host_calls").GetInt64()), (what, instance.HostCalls));
            Assert.Equal((what, test.Int("max_call_depth")), (what, instance.MaxCallDepth));
            Assert.Equal((what, test.Int("max_operand_stack")), (what, instance.MaxOperands));
            Assert.Equal((what, test.At("memory_pages").GetUInt32()), (what, instance.Memory!.Pages));
        }
    }

    [Theory]
    [InlineData("i32.csv")]
    [InlineData("i64.csv")]
    [InlineData("i32_edge.csv")]
    [InlineData("i64_edge.csv")]
    [InlineData("signext.csv")]
    public void Instructions_give_the_results_of_the_golden_tables(string file)
    {
        string path = Golden.PathOf("wasm", file);
        if (!File.Exists(path))
        {
            output.WriteLine($"skipped: {file} is only in ../shared/golden");
            return;
        }
        Dictionary<string, WasmOpcode> codes = WasmOpcodes.Integer.ToDictionary(pair => pair.Value.Name, pair => (WasmOpcode)pair.Key);
        int rows = 0;
        foreach (string line in File.ReadLines(path).Skip(1))
        {
            string[] cells = line.Split(',');
            WasmOpcode code = codes[cells[0]];
            string result;
            try
            {
                ulong first = ulong.Parse(cells[1]);
                result = (PlainNumeric.Operands(code) == 1 ? PlainNumeric.Unary(code, first) : PlainNumeric.Binary(code, first, ulong.Parse(cells[2]))).ToString();
            }
            catch (PlainTrapException e)
            {
                result = $"trap:{e.Message}";
            }
            Assert.True(cells[3] == result, $"{line}: {result}");
            rows++;
        }
        Assert.InRange(rows, 300, int.MaxValue);
    }
}
