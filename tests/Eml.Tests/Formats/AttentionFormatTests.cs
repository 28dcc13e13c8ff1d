using System.Text;
using System.Text.Json;
using Eml.Formats;
using Eml.Functions;
using Eml.Numerics;

namespace Eml.Tests.Formats;

/// <summary>Attention blocks in files.</summary>
public class AttentionFormatTests
{
    private static readonly FileFormat[] s_formats = [FileFormat.Json, FileFormat.Safetensors, FileFormat.Protobuf];

    [Fact]
    public void Every_block_survives_every_format_bit_for_bit()
    {
        var random = new Random(11);
        for (int i = 0; i < 100; i++)
        {
            AttentionBlock block = Block(random);
            foreach (FileFormat format in s_formats)
            {
                byte[] bytes = ModelFile.Write(block, format);
                Assert.Equal(format, ModelFile.Detect(bytes));
                AssertSame(block, (AttentionBlock)ModelFile.Read(bytes, FileFormat.Auto));
                AssertSame(block, block is ToyEmlAttention
                    ? ModelFile.ReadToyAttention(bytes, FileFormat.Auto) : ModelFile.ReadBaselineAttention(bytes, FileFormat.Auto));
                Refused.As(FormatError.Kind, () => ModelFile.ReadModel(bytes, format));
                Refused.As(FormatError.Kind, () => ModelFile.ReadSafeTree(bytes, format));
                if (block is ToyEmlAttention)
                    Refused.As(FormatError.Kind, () => ModelFile.ReadBaselineAttention(bytes, format));
                else
                    Refused.As(FormatError.Kind, () => ModelFile.ReadToyAttention(bytes, format));
            }

            Refused.As(ErrorCode.Unsupported, () => ModelFile.Write(block, FileFormat.Browser));
            Refused.As(ErrorCode.Argument, () => ModelFile.Write(block, FileFormat.Auto));
        }
    }

    [Fact]
    public void Other_models_are_no_blocks()
    {
        foreach (FileFormat format in s_formats)
        {
            byte[] model = ModelFile.Write(new EmlModel(2, 1, 1, Profile.Default), format), tree = ModelFile.Write(new SafeTree(1, 1, 1), format);
            Refused.As(FormatError.Kind, () => ModelFile.ReadToyAttention(model, format));
            Refused.As(FormatError.Kind, () => ModelFile.ReadBaselineAttention(tree, format));
        }
    }

    [Fact]
    public void What_eml_core_accepts_is_accepted_unless_it_contradicts_itself()
    {
        foreach (JsonElement c in Golden.EmlCore("errors.json").Array("from_json"))
        {
            string type = c.At("type").GetString()!, what = c.At("what").GetString()!;
            byte[] text = Encoding.UTF8.GetBytes(c.At("text").GetString()!);
            Func<AttentionBlock>? read = type switch
            {
                "ToyEmlAttention" => () => ModelFile.ReadToyAttention(text, FileFormat.Json),
                "BaselineAttention" => () => ModelFile.ReadBaselineAttention(text, FileFormat.Json),
                _ => null,
            };
            if (read is null)
                continue;

            if (!c.At("accepted").GetBoolean())
                Refused.As(ErrorCode.Format, () => read());
            else if (what.Contains("not validated", StringComparison.Ordinal))
                Refused.As(FormatError.Value, () => read());
            else
                Assert.Equal(c.At("reserialized").GetString(), Encoding.UTF8.GetString(ModelFile.Write(read(), FileFormat.Json)));
        }
    }

    [Fact]
    public void Arrays_in_the_order_of_the_fields_and_wrappers_are_read()
    {
        var random = new Random(12);
        foreach (AttentionBlock block in new AttentionBlock[] { new ToyEmlAttention("t", 2, 1, 2, 3), new BaselineAttention("b", 3, 2, 1) })
        {
            block.SetParameters(Models.Numbers(random, block.ParameterCount));
            byte[] bytes = ModelFile.Write(block, FileFormat.Json);
            string array = Sequence(JsonDocument.Parse(bytes).RootElement);
            AssertSame(block, (AttentionBlock)ModelFile.Read(Encoding.UTF8.GetBytes(array), FileFormat.Auto));
            AssertSame(block, (AttentionBlock)ModelFile.Read(Encoding.UTF8.GetBytes($"{{\"inner\":{Encoding.UTF8.GetString(bytes)}}}"), FileFormat.Auto));
            Refused.As(ErrorCode.Format, () => ModelFile.ReadToyAttention(Encoding.UTF8.GetBytes($"{array[..^1]},1]"), FileFormat.Json));
            Refused.As(FormatError.MissingField, () => ModelFile.ReadToyAttention("[\"n\",1]"u8, FileFormat.Json));
        }
    }

    private static string Sequence(JsonElement value) => value.ValueKind == JsonValueKind.Object
        ? $"[{string.Join(",", value.EnumerateObject().Select(member => Sequence(member.Value)))}]"
        : value.GetRawText();

    [Theory]
    [InlineData("\"d_model\":2", "\"d_model\":33", ErrorCode.Format, FormatError.Value)]
    [InlineData("\"d_model\":2", "\"d_model\":1", ErrorCode.Format, FormatError.Value)]
    [InlineData("\"d_model\":2", "\"d_model\":2.5", ErrorCode.Format, FormatError.BadNumber)]
    [InlineData("\"d_k\":1", "\"d_k\":3", ErrorCode.Format, FormatError.Value)]
    [InlineData("\"seq_len\":2", "\"seq_len\":18446744073709551615", ErrorCode.Format, FormatError.Value)]
    [InlineData("\"seq_len\":2", "\"seq_len\":8", ErrorCode.Format, FormatError.Value)]
    [InlineData("\"q_model\":{\"depth\":3", "\"q_model\":{\"depth\":4", ErrorCode.Format, FormatError.Value)]
    [InlineData("\"q_model\":{\"depth\":3", "\"q_model\":{\"depth\":2", ErrorCode.Format, FormatError.Value)]
    [InlineData("\"q_model\":{\"depth\":3", "\"q_model\":{\"deep\":3", ErrorCode.Format, FormatError.MissingField)]
    [InlineData("\"k_model\":{\"depth\":3", "\"k_model\":{\"depth\":4", ErrorCode.Format, FormatError.Value)]
    [InlineData("\"v_model\":{", "\"v\":{", ErrorCode.Format, FormatError.MissingField)]
    [InlineData("\"params\":[", "\"params\":[0.5,", ErrorCode.Format, FormatError.Value)]
    [InlineData("\"params\":[", "\"params\":[null,", ErrorCode.NonFinite, FormatError.None)]
    [InlineData("\"scale\":1.0", "\"scale\":null", ErrorCode.Format, FormatError.BadNumber)]
    [InlineData("\"scale\":1.0", "\"scale\":1e999", ErrorCode.Format, FormatError.BadNumber)]
    [InlineData("\"trained\":false", "\"trained\":0", ErrorCode.Format, FormatError.Value)]
    [InlineData("\"training_rounds\":0", "\"training_rounds\":-1", ErrorCode.Format, FormatError.BadNumber)]
    public void Contradictions_are_refused(string part, string instead, ErrorCode code, FormatError error)
    {
        string text = Encoding.UTF8.GetString(ModelFile.Write(new ToyEmlAttention("t", 2, 1, 2, 3), FileFormat.Json));
        int at = text.IndexOf(part, StringComparison.Ordinal);
        Assert.True(at >= 0);
        byte[] changed = Encoding.UTF8.GetBytes(text[..at] + instead + text[(at + part.Length)..]);
        Assert.Equal((int)error, Refused.As(code, () => ModelFile.ReadToyAttention(changed, FileFormat.Json)).SubCode);
    }

    [Fact]
    public void Protobuf_messages_that_contradict_themselves_are_refused()
    {
        Refused.As(ErrorCode.Version, () => Read(message => message.Version = 2));
        Refused.As(FormatError.Value, () => Read(message => message.Kind = Eml.Formats.Proto.AttentionKind.Unspecified));
        Refused.As(FormatError.Value, () => Read(message => message.Kind = Eml.Formats.Proto.AttentionKind.Baseline));
        Refused.As(FormatError.Value, () => Read(message => message.Depth = 6));
        Refused.As(FormatError.Value, () => Read(message => message.SeqLen = uint.MaxValue));
        Refused.As(FormatError.Value, () => Read(message => message.Params.Add(0)));
        Refused.As(FormatError.Value, () => Read(message => message.Params.RemoveAt(0)));
        Refused.As(FormatError.Value, () => Read(message => message.ClearScale()));
        Refused.As(ErrorCode.NonFinite, () => Read(message => message.Scale = double.NaN));
        Refused.As(ErrorCode.NonFinite, () => Read(message => message.Params[0] = double.NegativeInfinity));
        Assert.Equal("n", Read(message => message.Name = "n").Name);
    }

    [Fact]
    public void Nonfinite_parameters_are_written_in_eml_cores_text_only()
    {
        var block = new BaselineAttention("b", 1, 1, 1);
        double[] parameters = block.Parameters.ToArray();
        parameters[0] = double.NaN;
        block.SetParameters(parameters, allowNonFinite: true);
        Assert.Contains("[null,", Encoding.UTF8.GetString(ModelFile.Write(block, FileFormat.Json)), StringComparison.Ordinal);
        Refused.As(ErrorCode.NonFinite, () => ModelFile.Write(block, FileFormat.Safetensors));
        Refused.As(ErrorCode.NonFinite, () => ModelFile.Write(block, FileFormat.Protobuf));
    }

    [Fact]
    public void Huge_shapes_are_refused_before_memory_is_taken()
    {
        const string Part = "{\"depth\":5,\"inputs\":256,\"heads\":256,\"params\":[]}";
        byte[] json = Encoding.UTF8.GetBytes("{\"name\":\"t\",\"d_model\":32,\"d_k\":32,\"seq_len\":8,\"q_model\":" + Part + ",\"k_model\":" + Part +
            ",\"v_model\":" + Part + ",\"softmax_model\":" + Part + ",\"out_model\":" + Part + ",\"scale\":1,\"trained\":false,\"training_rounds\":0}");
        Read(message => message.Name = ""); // whatever is made once has been made
        long before = GC.GetAllocatedBytesForCurrentThread();
        Refused.As(FormatError.Value, () => ModelFile.Read(json, FileFormat.Auto));
        Refused.As(FormatError.Value, () => Read(message => (message.DModel, message.DK, message.SeqLen) = (32, 32, 8)));
        Assert.True(GC.GetAllocatedBytesForCurrentThread() - before < 1 << 18);
    }

    private static ToyEmlAttention Read(Action<Eml.Formats.Proto.Attention> change)
    {
        var message = Eml.Formats.Proto.Attention.Parser.ParseFrom(ModelFile.Write(new ToyEmlAttention("t", 2, 1, 2, 3), FileFormat.Protobuf));
        change(message);
        using var stream = new MemoryStream();
        using (var output = new Google.Protobuf.CodedOutputStream(stream, leaveOpen: true))
            message.WriteTo(output);
        return ModelFile.ReadToyAttention(stream.ToArray(), FileFormat.Protobuf);
    }

    /// <summary>A block of a random shape with random contents.</summary>
    internal static AttentionBlock Block(Random random)
    {
        int dModel = random.Next(1, 6), dK = random.Next(1, dModel + 1), seqLen = random.Next(1, 5);
        AttentionBlock block = random.Next(2) == 0
            ? new ToyEmlAttention(Models.Text(random), dModel, dK, seqLen, random.Next(3, 6))
            : new BaselineAttention(Models.Text(random), dModel, dK, seqLen);
        block.SetParameters(Models.Numbers(random, block.ParameterCount));
        block.Scale = Models.Number(random);
        block.Trained = random.Next(2) == 0;
        block.TrainingRounds = (ulong)random.NextInt64(long.MinValue, long.MaxValue);
        return block;
    }

    private static void AssertSame(AttentionBlock expected, AttentionBlock actual)
    {
        Assert.Equal(expected.GetType(), actual.GetType());
        Assert.Equal((expected.DModel, expected.DK, expected.SeqLen), (actual.DModel, actual.DK, actual.SeqLen));
        Assert.Equal((expected as ToyEmlAttention)?.Depth, (actual as ToyEmlAttention)?.Depth);
        Assert.Equal((expected.Name, expected.Trained, expected.TrainingRounds), (actual.Name, actual.Trained, actual.TrainingRounds));
        Golden.AssertBits([expected.Scale, .. expected.Parameters], [actual.Scale, .. actual.Parameters], "value");
    }
}
