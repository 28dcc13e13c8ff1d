using System.Globalization;
using System.Text.RegularExpressions;
using Eml.Machine.Wasm;

namespace Eml.Tests.Machine.Wasm;

/// <summary>The programs in examples/wasm on the plain interpreter: what they put out, and the counts in the README.</summary>
public sealed partial class WasmExamplesTests
{
    private static readonly string s_folder = Path.Combine(Golden.Root, "examples", "wasm");

    public static IEnumerable<object[]> Programs() => Directory.GetFiles(s_folder, "*.c").Order(StringComparer.Ordinal)
        .Select(path => new object[] { Path.GetFileNameWithoutExtension(path) });

    [Theory]
    [MemberData(nameof(Programs))]
    public void Program_puts_out_what_is_expected(string name)
    {
        string input = Path.Combine(s_folder, $"{name}.in");
        var host = new PlainHosts(input: File.Exists(input) ? File.ReadAllBytes(input) : []);
        host.Instance = new PlainWasm(WasmModule.Read(File.ReadAllBytes(Path.Combine(s_folder, $"{name}.wasm"))), host.Import);
        host.Instance.Invoke("_start");
        Assert.Equal(File.ReadAllBytes(Path.Combine(s_folder, $"{name}.expected")), host.Output);
        Match row = Rows().Matches(File.ReadAllText(Path.Combine(s_folder, "README.md"))).Single(row => row.Groups["name"].Value == name);
        Assert.Equal(File.Exists(input), row.Groups["input"].Success);
        Assert.Equal(row.Groups["count"].Value, host.Instance.Instructions.ToString("N0", CultureInfo.InvariantCulture));
    }

    [Fact]
    public void Bad_input_ends_with_status_1_and_a_message()
    {
        var host = new PlainHosts(input: "(car 7)"u8.ToArray());
        host.Instance = new PlainWasm(WasmModule.Read(File.ReadAllBytes(Path.Combine(s_folder, "lisp.wasm"))), host.Import);
        PlainExitException exit = Assert.Throws<PlainExitException>(() => host.Instance.Invoke("_start"));
        Assert.Equal(1u, exit.Status);
        Assert.Equal("error: not a pair: 7\n"u8.ToArray(), host.Output);
    }

    [GeneratedRegex(@"^\| `eml wasm run examples/wasm/(?<name>\w+)\.wasm( < (?<input>\S+))?` \|.*\| (?<count>[\d,]+) \|", RegexOptions.Multiline)]
    private static partial Regex Rows();
}
