using System.Globalization;
using System.Text.Json;
using Eml.Machine.Universal;
using Eml.Machine.Wasm;
using Eml.Numerics;

namespace Eml.Cli;

/// <summary>A run of <c>eml wasm bench</c>: a fresh machine, what is called, and a check of what it put out.</summary>
internal sealed record WasmBenchProgram(string Name, Func<WasmMachine> Create, string Function, ulong[] Arguments, Action<WasmMachine> Check);

/// <summary>The programs that <c>eml wasm bench</c> measures.</summary>
internal static class WasmBenchPrograms
{
    /// <summary>Instructions of a round of <see cref="Loop"/>.</summary>
    private const ulong LoopInstructions = 11;

    /// <summary>Programs of examples/wasm, with their inputs.</summary>
    private static readonly string[] s_examples = ["collatz", "primes", "sha256", "quicksort", "nqueens", "matching", "sudoku", "lisp"];

    /// <summary>A loop of 10,000 to 10,000,000 instructions, or 100,000,000.</summary>
    public static IEnumerable<WasmBenchProgram> Loops(bool isLong)
    {
        var loop = WasmModule.Read(Loop());
        ulong[] steps = [10_000, 100_000, 1_000_000, 10_000_000];
        foreach (ulong count in isLong ? steps.Append(100_000_000UL) : steps)
        {
            ulong rounds = count / LoopInstructions;
            uint sum = (uint)(3 * (rounds * (rounds + 1) / 2));
            yield return new WasmBenchProgram(string.Create(CultureInfo.InvariantCulture, $"loop {count:N0}"), () => new WasmMachine(loop), "count", [rounds],
                machine => Same("loop", machine.Results, [sum]));
        }
    }

    /// <summary>The programs of a folder like examples/wasm. All files are read at once, so that a wrong folder is told before anything is
    /// measured.</summary>
    public static List<WasmBenchProgram> Examples(string folder) => [.. s_examples.Select(name => Example(Path.Combine(folder, name), name))];

    /// <summary>The longest case of each program of a folder of golden data: NAME.wasm, and NAME.json with the cases.</summary>
    public static List<WasmBenchProgram> Golden(string folder)
    {
        string[] files = Directory.Exists(folder) ? Directory.GetFiles(folder, "*.json") : [];
        return files.Length > 0 ? [.. files.Order(StringComparer.Ordinal).Select(Golden1)]
            : throw new EmlException(ErrorCode.Io, $"cannot read {folder}: it has no NAME.json beside a NAME.wasm");
    }

    private static WasmBenchProgram Example(string path, string name)
    {
        WasmModule module = WasmRun.Read($"{path}.wasm");
        byte[] input = File.Exists($"{path}.in") ? Store.ReadBytes($"{path}.in") : [];
        byte[]? expected = File.Exists($"{path}.expected") ? Store.ReadBytes($"{path}.expected") : null;
        var output = new MemoryStream();
        return new WasmBenchProgram(name, () =>
        {
            var stream = new MemoryStream(input);
            output.SetLength(0);
            return new WasmMachine(module, new WasiHost { Input = stream.Read, Output = output.Write }.AddTo(new WasmImports(), module));
        }, "_start", [], _ =>
        {
            if (expected is not null && !output.ToArray().AsSpan().SequenceEqual(expected))
            {
                throw new EmlException(ErrorCode.State, $"{name}: it put out something else than {path}.expected");
            }
        });
    }

    private static WasmBenchProgram Golden1(string path)
    {
        string name = Path.GetFileNameWithoutExtension(path);
        WasmModule module = WasmRun.Read(Path.ChangeExtension(path, ".wasm"));
        try
        {
            using var json = JsonDocument.Parse(Store.ReadBytes(path));
            JsonElement longest = json.RootElement.GetProperty("cases").EnumerateArray().Where(test => test.GetProperty("trap").ValueKind == JsonValueKind.Null)
                .MaxBy(test => test.GetProperty("instructions").GetInt64());
            uint[] input = [.. longest.GetProperty("input").EnumerateArray().Select(number => (uint)number.GetInt64())];
            ulong[] expected = [.. longest.GetProperty("output").EnumerateArray().Select(number => number.GetUInt64())];
            long instructions = longest.GetProperty("instructions").GetInt64();
            var output = new List<ulong>();
            return new WasmBenchProgram($"golden {name}", () =>
            {
                int next = 0;
                output.Clear();
                return new WasmMachine(module, new WasmImports()
                    .Function("env", "input", (_, _) => [next < input.Length ? input[next++] : uint.MaxValue])
                    .Function("env", "output", (_, values) =>
                    {
                        output.Add(values[0]);
                        return [];
                    }));
            }, json.RootElement.GetProperty("export").GetString()!, [], machine =>
            {
                Same(name, [.. output], expected);
                Same($"{name}, instructions", [(ulong)machine.Instructions], [(ulong)instructions]);
            });
        }
        catch (Exception e) when (e is JsonException or KeyNotFoundException or InvalidOperationException or FormatException)
        {
            throw new EmlException(ErrorCode.Argument, $"{path}: not a file of golden cases");
        }
    }

    private static void Same(string name, ulong[] found, ulong[] expected)
    {
        if (!found.AsSpan().SequenceEqual(expected))
        {
            throw new EmlException(ErrorCode.State, $"{name}: it gave other numbers than it must");
        }
    }

    /// <summary>A module with <c>count(n)</c>: n rounds of a sum in a local.</summary>
    private static byte[] Loop() =>
    [
        0, (byte)'a', (byte)'s', (byte)'m', 1, 0, 0, 0,
        1, 6, 1, 0x60, 1, 0x7F, 1, 0x7F, // type: [i32] -> [i32]
        3, 2, 1, 0, // function
        7, 9, 1, 5, (byte)'c', (byte)'o', (byte)'u', (byte)'n', (byte)'t', 0, 0, // export
        10, 30, 1, 28, 1, 1, 0x7F, // code: a local, the sum
        0x03, 0x40, // loop
        0x20, 1, 0x20, 0, 0x41, 3, 0x6C, 0x6A, 0x21, 1, // sum += 3 n
        0x20, 0, 0x41, 1, 0x6B, 0x22, 0, // n -= 1
        0x0D, 0, 0x0B, // while n is not 0
        0x20, 1, 0x0B,
    ];
}
