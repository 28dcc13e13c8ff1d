using System.Runtime.InteropServices;
using System.Text;
using System.Text.Json;
using Eml.Formats;
using Eml.Formats.Machine;
using Eml.Machine.Compact;
using Eml.Machine.Transformer;
using Eml.Numerics;

namespace Eml.Tests.Formats;

/// <summary>Transformers in folders: every bit comes back, what does not add up is refused, and the prompt holds all that a run needs.</summary>
public sealed class MachineFolderTests : IDisposable
{
    private const string Program = "fd_open 0 local.set 1 i32.const 3 local.set 0 loop i32.const 0 fd_read local.tee 2 output i32.const 9 local.get 2 i32.store " +
        "local.get 0 i32.const 1 i32.sub local.tee 0 br_if 0 end_loop fd_open 1 i32.const 9 i32.load i32.const 7 i32.mul fd_write halt";

    private static readonly MachineToken[] s_tokens =
        [.. Enumerable.Range(0, CompactTokens.Count).Select(token => new MachineToken(CompactTokens.Name(token), CompactTokens.Meaning(token)))];

    private readonly string _folder = Directory.CreateTempSubdirectory("eml-machine-").FullName;

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Fact]
    public void What_was_saved_is_loaded_bit_for_bit_and_runs_in_both_engines()
    {
        TransformerWeights weights = CompactMachine.Weights;
        string folder = Path.Join(_folder, "new", "folder");
        string[] paths = CompactFolder.Save(folder);
        Assert.Equal(["model.safetensors", "config.json", "tokens.json"], paths.Select(path => Path.GetFileName(path)));
        TransformerWeights back = MachineFolder.Load(folder);
        AssertSame(weights, back);
        Assert.Equal(weights.Names.Channels, back.Names.Channels);
        Assert.Equal(weights.Names.Units, back.Names.Units);
        Assert.Equal(weights.Config.Heads, back.Config.Heads);

        Prompt prompt = ReadProgram().Prompt([[65, 66]]);
        int[] wanted = Generate(new FastEngine(weights), prompt);
        Assert.True(wanted.Length > 40);
        Assert.Equal(wanted, Generate(new FastEngine(back), prompt));
        Assert.Equal(wanted, Generate(new DenseEngine(back), prompt));
    }

    [Fact]
    public void The_same_weights_give_the_same_bytes_again()
    {
        TransformerWeights weights = CompactMachine.Weights;
        byte[] config = MachineConfigJson.Write(weights), tensors = MachineSafetensors.Write(weights);
        TransformerWeights back = MachineFolder.Parse(config, tensors);
        Assert.Equal(config, MachineConfigJson.Write(back));
        Assert.Equal(tensors, MachineSafetensors.Write(back));
    }

    [Fact]
    public void The_token_table_names_every_token()
    {
        MachineFolder.Save(_folder, CompactMachine.Weights, s_tokens);
        using JsonDocument json = JsonDocument.Parse(File.ReadAllBytes(Path.Join(_folder, MachineFolder.TokensFile)));
        JsonElement[] tokens = [.. json.RootElement.EnumerateArray()];
        Assert.Equal(CompactTokens.Count, tokens.Length);
        Assert.Equal(Enumerable.Range(0, CompactTokens.Count), tokens.Select(token => token.GetProperty("token").GetInt32()));
        Assert.Contains("local.get", tokens[0x20].GetProperty("meaning").GetString(), StringComparison.Ordinal);
        Assert.DoesNotContain("opcode", tokens[0x02].GetProperty("meaning").GetString(), StringComparison.Ordinal);
        Assert.Equal("<halt>", tokens[CompactTokens.Halt].GetProperty("name").GetString());
    }

    [Fact]
    public void The_prompt_in_the_file_generates_the_same()
    {
        Prompt prompt = ReadProgram().Prompt([[65, 66], [1]]);
        MachineFolder.Save(_folder, CompactMachine.Weights, s_tokens, prompt);
        using JsonDocument json = JsonDocument.Parse(File.ReadAllBytes(Path.Join(_folder, MachineFolder.PromptFile)));
        Prompt back = ReadPrompt(json.RootElement);
        Assert.Equal(prompt.Schedule.Rows, back.Schedule.Rows);
        Assert.Equal(prompt.Schedule.Encodings, back.Schedule.Encodings);
        Assert.Equal(prompt.Schedule.CounterChannels, back.Schedule.CounterChannels);
        Assert.Equal(prompt.Stores, back.Stores);
        Assert.Equal(Generate(new FastEngine(CompactMachine.Weights), prompt), Generate(new FastEngine(CompactMachine.Weights), back));
    }

    [Theory]
    [InlineData("\"model_type\":\"eml-machine\"", "\"model_type\":\"llama\"", FormatError.Kind)]
    [InlineData("\"model_type\":\"eml-machine\",\n", "", FormatError.MissingField)]
    [InlineData("\"d_head\":2", "\"d_head\":3", FormatError.Value)]
    [InlineData("\"d_model\":3", "\"d_model\":4", FormatError.Value)]
    [InlineData("\"d_model\":3", "\"d_model\":-3", FormatError.BadNumber)]
    [InlineData("\"d_model\":3", "\"d_model\":99999999999", FormatError.Value)]
    [InlineData("\"d_model\":3", "\"d_modem\":3", FormatError.UnknownField)]
    [InlineData("\"vocabulary\":4", "\"vocabulary\":16777216", FormatError.Value)]
    [InlineData("\"constant_channel\":0", "\"constant_channel\":3", FormatError.Value)]
    [InlineData("\"position_channels\":[1]", "\"position_channels\":[3]", FormatError.Value)]
    [InlineData("\"position_channels\":[1]", "\"position_channels\":1", FormatError.Value)]
    [InlineData("\"mode\":\"sum\"", "\"mode\":\"softmax\"", FormatError.Value)]
    [InlineData("\"mode\":\"sum\",\"store\":null", "\"mode\":\"sum\",\"store\":0", FormatError.Value)]
    [InlineData("\"mode\":\"cross\",\"store\":0", "\"mode\":\"cross\",\"store\":1", FormatError.Value)]
    [InlineData("of equals, of the latest", "of equals, of the first", FormatError.Kind)]
    [InlineData("\"from\":-1", "\"from\":-2", FormatError.Value)]
    [InlineData("\"from\":-1", "\"from\":0.5", FormatError.Value)]
    [InlineData("{\"channel\":0", "{\"channel\":3", FormatError.Value)]
    [InlineData("\n}\n", "\n", FormatError.Json)]
    public void A_config_that_does_not_add_up_is_refused(string part, string other, FormatError error)
    {
        TransformerWeights weights = Small();
        string text = Encoding.UTF8.GetString(MachineConfigJson.Write(weights));
        Assert.Contains(part, text, StringComparison.Ordinal);
        int at = text.LastIndexOf(part, StringComparison.Ordinal);
        byte[] changed = Encoding.UTF8.GetBytes(text[..at] + other + text[(at + part.Length)..]);
        Refused.As(error, () => MachineFolder.Parse(changed, MachineSafetensors.Write(weights)));
    }

    [Fact]
    public void A_later_version_is_refused_as_such()
    {
        TransformerWeights weights = Small();
        string config = Encoding.UTF8.GetString(MachineConfigJson.Write(weights)).Replace("\"version\":1", "\"version\":2", StringComparison.Ordinal);
        Refused.As(ErrorCode.Version, () => MachineFolder.Parse(Encoding.UTF8.GetBytes(config), MachineSafetensors.Write(weights)));
        Refused.As(ErrorCode.Version, () => Parse(weights, Tensors(weights), version: "2"));
    }

    [Fact]
    public void Tensors_that_do_not_add_up_are_refused()
    {
        TransformerWeights weights = Small();
        AssertSame(weights, Parse(weights, Tensors(weights)));
        Refused.As(FormatError.Kind, () => Parse(weights, Tensors(weights), kind: "eml-model"));
        Refused.As(FormatError.Value, () => Parse(weights, Tensors(weights)[1..]));
        Refused.As(FormatError.Value, () => Parse(weights, [.. Tensors(weights), TensorData.F64("more", [1.0], 1)]));
        TensorData first = Tensors(weights)[0];
        Refused.As(FormatError.Value, () => Parse(weights, [first with { Shape = [first.Shape[1], first.Shape[0]] }, .. Tensors(weights)[1..]]));
        Refused.As(FormatError.BadDtype, () => Parse(weights, [first with { Dtype = Dtype.I64 }, .. Tensors(weights)[1..]]));
        double[] bad = new double[12];
        bad[5] = double.NaN;
        Refused.As(ErrorCode.NonFinite, () => Parse(weights, [TensorData.F64(first.Name, bad, first.Shape), .. Tensors(weights)[1..]]));
    }

    [Fact]
    public void Weights_are_made_only_of_matrices_that_fit()
    {
        TransformerWeights weights = Small();
        (string, int[], double[])[] tensors = [.. weights.Tensors()];
        AssertSame(weights, TransformerWeights.Create(weights.Config, tensors.Reverse()));
        Refused.As(ErrorCode.Argument, () => TransformerWeights.Create(weights.Config, [.. tensors, tensors[0]]));
        Refused.As(ErrorCode.Argument, () => TransformerWeights.Create(weights.Config, tensors[1..]));
        Refused.As(ErrorCode.Shape, () => TransformerWeights.Create(weights.Config, [(tensors[0].Item1, [4, 3], new double[11]), .. tensors[1..]]));
        Refused.As(ErrorCode.Argument, () => TransformerWeights.Create(weights.Config with { HiddenWidth = 0 }, tensors));
        Refused.As(ErrorCode.Argument, () => TransformerWeights.Create(weights.Config with { Stores = -1 }, tensors));
        Refused.As(ErrorCode.Shape, () => TransformerWeights.Create(weights.Config with { Vocabulary = int.MaxValue }, tensors));
        var made = TransformerWeights.Create(weights.Config, tensors);
        tensors[0].Item3[0] += 1.0;
        Assert.NotEqual(tensors[0].Item3[0], made.TokenEmbedding[0]);
    }

    [Fact]
    public void Damaged_files_are_refused_or_read()
    {
        TransformerWeights weights = Small();
        byte[] config = MachineConfigJson.Write(weights), tensors = MachineSafetensors.Write(weights);
        var random = new Random(8);
        int refused = 0;
        for (int round = 0; round < 2000; round++)
        {
            byte[] damaged = [.. round % 2 == 0 ? config : tensors];
            damaged[random.Next(damaged.Length)] ^= (byte)(1 << random.Next(8));
            damaged = random.Next(4) == 0 ? damaged[..random.Next(damaged.Length)] : damaged;
            try
            {
                MachineFolder.Parse(round % 2 == 0 ? damaged : config, round % 2 == 0 ? tensors : damaged);
            }
            catch (EmlException e)
            {
                Assert.Contains(e.Code, (ErrorCode[])[ErrorCode.Format, ErrorCode.Version, ErrorCode.NonFinite]);
                refused++;
            }
        }
        Assert.InRange(refused, 800, 1990);
    }

    [Fact]
    public void The_description_holds_the_config_and_the_instructions()
    {
        using var description = JsonDocument.Parse(CompactDescription.ToJson());
        using var config = JsonDocument.Parse(MachineConfigJson.Write(CompactMachine.Weights));
        Assert.Equal(CompactMachine.Weights.Config.Parameters, description.RootElement.GetProperty("parameters").GetInt64());
        Assert.True(JsonElement.DeepEquals(config.RootElement, description.RootElement.GetProperty("config")));
        Assert.Equal(InstructionSet.All.Select(each => ((int)each.Opcode, each.Name, each.Pops, each.Pushes, each.Operand.ToString().ToLowerInvariant())),
            description.RootElement.GetProperty("instructions").EnumerateArray().Select(each => (each.GetProperty("opcode").GetInt32(),
                each.GetProperty("name").GetString()!, each.GetProperty("pops").GetInt32(), each.GetProperty("pushes").GetInt32(),
                each.GetProperty("operand").GetString()!)));
    }

    [Fact]
    public void A_folder_that_cannot_be_is_an_io_error()
    {
        string file = Path.Join(_folder, "file");
        File.WriteAllText(file, "");
        Refused.As(ErrorCode.Io, () => CompactFolder.Save(file));
        Refused.As(ErrorCode.Io, () => MachineFolder.Load(Path.Join(_folder, "none")));
        Refused.As(ErrorCode.Shape, () => MachineFolder.Save(_folder, CompactMachine.Weights, s_tokens[1..]));
    }

    private static CompactProgram ReadProgram() => new(CompactText.Parse(Program).Instructions);

    private static int[] Generate(Engine engine, Prompt prompt)
    {
        var tokens = new List<int>();
        GenerationStatus status = new Generator(engine, prompt).Run(10_000, generated =>
        {
            tokens.Add(generated.Token);
            return true;
        });
        Assert.Equal(GenerationStatus.Done, status);
        return [.. tokens];
    }

    /// <summary>Three channels, two layers, a head of each mode, random weights.</summary>
    private static TransformerWeights Small()
    {
        var random = new Random(4);
        var weights = new TransformerWeights(new TransformerConfig
        {
            ModelWidth = 3,
            HiddenWidth = 2,
            Vocabulary = 4,
            ConstantChannel = 0,
            PositionChannels = [1],
            Stores = 1,
            Heads = [[new HeadConfig(HeadMode.Cross, 0, "é\"c"), new HeadConfig(HeadMode.HardMax, -1, "h"), new HeadConfig(HeadMode.Sum, -1, "s")], []],
        })
        {
            Names = new TransformerNames([(1, "two", 1, 4), (0, "one", -1, 4)], [["a", "b"], []]),
        };
        foreach ((_, _, double[] values) in weights.Tensors())
        {
            random.NextBytes(MemoryMarshal.AsBytes(values.AsSpan()));
            for (int i = 0; i < values.Length; i++)
            {
                values[i] = double.IsFinite(values[i]) ? values[i] : -0.0;
            }
        }
        return weights;
    }

    private static TensorData[] Tensors(TransformerWeights weights) =>
        [.. weights.Tensors().Select(tensor => TensorData.F64(tensor.Name, tensor.Values, [.. tensor.Shape.Select(size => (ulong)size)]))];

    private static TransformerWeights Parse(TransformerWeights weights, TensorData[] tensors, string kind = "eml-machine", string version = "1") =>
        MachineFolder.Parse(MachineConfigJson.Write(weights), SafetensorsWriter.Write(tensors, new Dictionary<string, string>
        {
            ["format"] = "eml",
            ["kind"] = kind,
            ["version"] = version,
        }));

    private static void AssertSame(TransformerWeights a, TransformerWeights b)
    {
        foreach (((string name, int[] shape, double[] values), (string otherName, int[] otherShape, double[] otherValues)) in a.Tensors().Zip(b.Tensors()))
        {
            Assert.Equal(name, otherName);
            Assert.Equal(shape, otherShape);
            Assert.True(MemoryMarshal.AsBytes(values.AsSpan()).SequenceEqual(MemoryMarshal.AsBytes(otherValues.AsSpan())), name);
        }
        Assert.Equal(a.Tensors().Count(), b.Tensors().Count());
    }

    private static Prompt ReadPrompt(JsonElement root)
    {
        JsonElement[] rows = [.. root.GetProperty("rows").EnumerateArray()];
        double[] encodings = Flat(root.GetProperty("encodings"));
        int[] tokens = Integers(root.GetProperty("tokens"));
        return new Prompt
        {
            Tokens = tokens,
            Encodings = encodings,
            Stores = [.. root.GetProperty("stores").EnumerateArray().Select(Integers)],
            Schedule = new Schedule
            {
                Width = encodings.Length / (tokens.Length - 1),
                Encodings = [.. rows.SelectMany(row => Numbers(row.GetProperty("encoding")))],
                CounterChannels = Integers(root.GetProperty("counter_channels")),
                StoreEncodings = Flat(root.GetProperty("store_encodings")),
                Rows = [.. rows.Select(row => new ScheduleRow
                {
                    Next = Integer(row.GetProperty("next")),
                    Taken = Integer(row.GetProperty("taken")),
                    TakenCounter = Integer(row.GetProperty("taken_counter")),
                    TakenLimit = row.GetProperty("taken_limit").ValueKind == JsonValueKind.Null ? int.MaxValue : Integer(row.GetProperty("taken_limit")),
                    Reset = Integer(row.GetProperty("reset")),
                    Store = Integer(row.GetProperty("store")),
                    Advance = Integer(row.GetProperty("advance")),
                    IsOutput = row.GetProperty("is_output").GetBoolean(),
                })],
            },
        };
    }

    private static int Integer(JsonElement value) => value.ValueKind == JsonValueKind.Null ? ScheduleRow.None : value.GetInt32();

    private static int[] Integers(JsonElement values) => [.. values.EnumerateArray().Select(Integer)];

    private static double[] Numbers(JsonElement values) => [.. values.EnumerateArray().Select(value => value.GetDouble())];

    private static double[] Flat(JsonElement rows) => [.. rows.EnumerateArray().SelectMany(Numbers)];
}
