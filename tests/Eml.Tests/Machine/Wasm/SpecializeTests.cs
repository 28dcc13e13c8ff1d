using System.Text;
using Eml.Formats.Machine;
using Eml.Machine.Transformer;
using Eml.Machine.Universal;
using Eml.Machine.Wasm;
using Eml.Numerics;
using Xunit.Abstractions;

namespace Eml.Tests.Machine.Wasm;

/// <summary>A machine with a program in its weights generates the tokens of the machine that was given the program.</summary>
public sealed class SpecializeTests(ITestOutputHelper output)
{
    [Fact]
    public void Random_modules_give_the_same_tokens()
    {
        int tokens = 0;
        for (ulong seed = 1; seed <= 60; seed++)
        {
            RandomModule random = RandomModules.Make(seed);
            (TransformerWeights weights, WasmProgram program) = WasmProgram.Specialize(random.Bytes, Imports(random));
            tokens += Compare(new WasmMachine(WasmModule.Read(random.Bytes), Imports(random)), new WasmMachine(weights, program, Imports(random)), random);
        }
        Assert.True(tokens > 1000, $"only {tokens}");
        output.WriteLine($"{tokens} tokens, every number the same");
    }

    [Fact]
    public void The_dense_reference_gives_the_same_tokens_from_the_file()
    {
        ulong seed = 1;
        RandomModule random = RandomModules.Make(seed);
        while (ModuleRun.Plain(random).Instructions is <= 20 or >= 80 || random.Bytes.Length > 700)
        {
            random = RandomModules.Make(++seed);
        }
        (TransformerWeights weights, WasmProgram program) = WasmProgram.Specialize(random.Bytes, Imports(random));
        WasmRunPrompt prompt = WasmMachine.Prompt(weights, program, Imports(random), "run", random.Arguments);
        Assert.Equal(random.Arguments.Length, prompt.Tokens.Count);
        (weights, program) = WasmModelFile.Read(WasmModelFile.Write(weights, program, prompt));
        Compare(new WasmMachine(WasmModule.Read(random.Bytes), Imports(random)), new WasmMachine(weights, program, Imports(random), dense: true), random);
    }

    [Fact]
    public void The_declarations_say_nothing_of_the_code()
    {
        byte[] bytes = RandomModules.Make(3).Bytes;
        WasmModule module = WasmModule.Read(bytes);
        (_, WasmProgram program) = WasmProgram.Specialize(bytes, Imports(RandomModules.Make(3)));
        Assert.Equal(module.Functions.Length, program.Declarations.Functions.Length);
        Assert.All(program.Declarations.Functions, function => Assert.Equal(WasmOpcode.Unreachable, function.Code[0].Code));
        Assert.Empty(program.Declarations.Data);
        Assert.Empty(program.Declarations.Elements);
    }

    [Fact]
    public void A_file_that_does_not_add_up_is_refused()
    {
        byte[] bytes = RandomModules.Make(1).Bytes;
        WasmImports imports = Imports(RandomModules.Make(1));
        (TransformerWeights weights, WasmProgram program) = WasmProgram.Specialize(bytes, imports);
        byte[] file = WasmModelFile.Write(weights, program, WasmMachine.Prompt(weights, program, imports, "run", RandomModules.Make(1).Arguments));
        Assert.Throws<EmlException>(() => WasmModelFile.Read(file.AsSpan(0, file.Length - 8)));
        foreach ((string from, string to) in new[]
        {
            ("frame_limit", "frame_limits"), ("\\\"instructions\\\":", "\\\"instructions\\\":99999999"), ("\\\"functions\\\":[", "\\\"functions\\\":[99,"),
            ("\\\"declarations\\\":\\\"AGFz", "\\\"declarations\\\":\\\"*GFz"),
        })
        {
            Assert.Throws<EmlException>(() => WasmModelFile.Read(Replace(file, from, to)));
        }
        // Another key of a constant entry: the fast path says that it cannot look up by distance.
        double[] rows = weights.Tables[^1];
        double kept = rows[2];
        rows[2] += 1.0;
        Assert.Throws<EmlException>(() => new WasmMachine(weights, program, imports));
        rows[2] = kept;
        _ = new WasmMachine(weights, program, imports);
    }

    private static byte[] Replace(byte[] file, string from, string to)
    {
        int length = (int)BitConverter.ToUInt64(file);
        string header = Encoding.UTF8.GetString(file, 8, length);
        Assert.Contains(from, header, StringComparison.Ordinal);
        byte[] changed = Encoding.UTF8.GetBytes(header.Replace(from, to, StringComparison.Ordinal));
        return [.. BitConverter.GetBytes((ulong)changed.Length), .. changed, .. file.AsSpan(8 + length)];
    }

    private static WasmImports Imports(RandomModule random)
    {
        int next = 0;
        return new WasmImports()
            .Function("env", "input", (_, _) => [(uint)(next < random.Input.Length ? random.Input[next++] : -1)])
            .Function("env", "output", (_, _) => []);
    }

    /// <summary>Runs both; gives how many tokens they generate. The numbers of the host's own instructions differ.</summary>
    private static int Compare(WasmMachine given, WasmMachine special, RandomModule random)
    {
        List<double[]> wanted = Tokens(given, random);
        List<double[]> tokens = Tokens(special, random);
        Assert.Equal(wanted.Count, tokens.Count);
        for (int i = 0; i < tokens.Count; i++)
        {
            Golden.AssertBits(wanted[i], tokens[i], $"token {i}");
        }
        Assert.Equal(given.Trap, special.Trap);
        Assert.Equal(given.Results, special.Results);
        Assert.Equal(given.Instructions, special.Instructions);
        return tokens.Count;
    }

    private static List<double[]> Tokens(WasmMachine machine, RandomModule random)
    {
        var tokens = new List<double[]>();
        machine.Listener = step =>
        {
            double[] numbers = step.Numbers.ToArray();
            numbers[(int)Field.Ip] = 0.0;
            tokens.Add(numbers);
            return true;
        };
        if (machine.Start() == WasmStatus.Done)
        {
            machine.Begin("run", random.Arguments);
            machine.Run();
        }
        return tokens;
    }
}
