using System.Text;
using Eml.Formats;
using Eml.Functions;
using Eml.Numerics;
using Google.Protobuf;

namespace Eml.Tests.Formats;

/// <summary>The default profile's attention blocks in files.</summary>
public class EmlAttentionFormatTests
{
    private static readonly FileFormat[] s_formats = [FileFormat.Json, FileFormat.Safetensors, FileFormat.Protobuf];

    [Fact]
    public void Every_block_survives_every_format_bit_for_bit()
    {
        var random = new Random(21);
        for (int i = 0; i < 100; i++)
        {
            EmlAttention block = Block(random);
            foreach (FileFormat format in s_formats)
            {
                byte[] bytes = ModelFile.Write(block, format);
                Assert.Equal(format, ModelFile.Detect(bytes));
                AssertSame(block, (EmlAttention)ModelFile.Read(bytes, FileFormat.Auto));
                AssertSame(block, ModelFile.ReadEmlAttention(bytes, FileFormat.Auto));
                Assert.Equal(bytes, ModelFile.Write(ModelFile.ReadEmlAttention(bytes, format), format));
                Refused.As(FormatError.Kind, () => ModelFile.ReadModel(bytes, format));
                Refused.As(FormatError.Kind, () => ModelFile.ReadSafeTree(bytes, format));
                Refused.As(FormatError.Kind, () => ModelFile.ReadToyAttention(bytes, format));
                Refused.As(FormatError.Kind, () => ModelFile.ReadBaselineAttention(bytes, format));
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
            Refused.As(FormatError.Kind, () => ModelFile.ReadEmlAttention(ModelFile.Write(new EmlModel(2, 1, 1, Profile.Default), format), format));
            Refused.As(FormatError.Kind, () => ModelFile.ReadEmlAttention(ModelFile.Write(new SafeTree(1, 1, 1), format), format));
            Refused.As(FormatError.Kind, () => ModelFile.ReadEmlAttention(ModelFile.Write(new ToyEmlAttention("t", 2, 1, 2, 3), format), format));
        }
    }

    [Fact]
    public void The_json_text_is_as_documented()
    {
        var block = new EmlAttention(new AttentionConfig { DModel = 1, DKey = 1, SeqLen = 2, Chunk = 8 }) { Name = "n", Trained = true };
        const string Text = "{\"kind\":\"eml-attention\",\"version\":1,\"profile\":\"default\",\"config\":{\"d_model\":1,\"d_k\":1," +
            "\"seq_len\":2,\"heads\":1,\"nodes\":0,\"positional\":false,\"residual\":true,\"chunk\":8},\"name\":\"n\",\"trained\":true," +
            "\"params\":[0.0,0.0,0.0,0.0,0.0,0.0]}";
        Assert.Equal(Text, Encoding.UTF8.GetString(ModelFile.Write(block, FileFormat.Json)));
        AssertSame(block, (EmlAttention)ModelFile.Read(Encoding.UTF8.GetBytes($"{{\"model\":{Text}}}"), FileFormat.Auto));
    }

    [Theory]
    [InlineData("\"eml-attention\"", "\"eml-attentions\"", ErrorCode.Format, FormatError.Kind)]
    [InlineData("\"version\":1", "\"version\":2", ErrorCode.Version, FormatError.None)]
    [InlineData("\"version\":1,", "", ErrorCode.Format, FormatError.MissingField)]
    [InlineData("\"default\"", "\"eml-core-0.1\"", ErrorCode.Format, FormatError.Value)]
    [InlineData("\"default\"", "\"own\"", ErrorCode.Format, FormatError.Value)]
    [InlineData("\"name\":\"\"", "\"title\":\"\"", ErrorCode.Format, FormatError.UnknownField)]
    [InlineData("\"name\":\"\",", "", ErrorCode.Format, FormatError.MissingField)]
    [InlineData("\"trained\":false,", "", ErrorCode.Format, FormatError.MissingField)]
    [InlineData("\"trained\":false", "\"trained\":0", ErrorCode.Format, FormatError.Value)]
    [InlineData("\"config\":{", "\"config\":{\"depth\":3,", ErrorCode.Format, FormatError.UnknownField)]
    [InlineData("\"residual\":true,", "", ErrorCode.Format, FormatError.MissingField)]
    [InlineData("\"residual\":true,", "\"residual\":1,", ErrorCode.Format, FormatError.Value)]
    [InlineData("\"residual\":true,", "\"residual\":false,", ErrorCode.Format, FormatError.Value)]
    [InlineData("\"positional\":true,", "\"positional\":false,", ErrorCode.Format, FormatError.Value)]
    [InlineData("\"d_model\":2", "\"d_model\":0", ErrorCode.Format, FormatError.Value)]
    [InlineData("\"d_model\":2", "\"d_model\":3", ErrorCode.Format, FormatError.Value)]
    [InlineData("\"d_model\":2", "\"d_model\":2.5", ErrorCode.Format, FormatError.BadNumber)]
    [InlineData("\"d_model\":2", "\"d_model\":129", ErrorCode.Limit, FormatError.None)]
    [InlineData("\"d_k\":1", "\"d_k\":3", ErrorCode.Format, FormatError.Value)]
    [InlineData("\"seq_len\":3", "\"seq_len\":18446744073709551615", ErrorCode.Format, FormatError.Value)]
    [InlineData("\"heads\":1", "\"heads\":2", ErrorCode.Format, FormatError.Value)]
    [InlineData("\"heads\":1", "\"heads\":-1", ErrorCode.Format, FormatError.BadNumber)]
    [InlineData("\"nodes\":1", "\"nodes\":2", ErrorCode.Format, FormatError.Value)]
    [InlineData("\"chunk\":0", "\"chunk\":7", ErrorCode.Format, FormatError.Value)]
    [InlineData("\"params\":[", "\"params\":[0.5,", ErrorCode.Format, FormatError.Value)]
    [InlineData("\"params\":[", "\"params\":[null,", ErrorCode.NonFinite, FormatError.None)]
    [InlineData("\"params\":[", "\"params\":[1e999,", ErrorCode.Format, FormatError.BadNumber)]
    public void Contradictions_are_refused(string part, string instead, ErrorCode code, FormatError error)
    {
        var block = new EmlAttention(new AttentionConfig { DModel = 2, DKey = 1, SeqLen = 3, Nodes = 1, Positional = true });
        string text = Encoding.UTF8.GetString(ModelFile.Write(block, FileFormat.Json));
        int at = text.IndexOf(part, StringComparison.Ordinal);
        Assert.True(at >= 0);
        byte[] changed = Encoding.UTF8.GetBytes(text[..at] + instead + text[(at + part.Length)..]);
        Assert.Equal((int)error, Refused.As(code, () => ModelFile.ReadEmlAttention(changed, FileFormat.Json)).SubCode);
    }

    [Fact]
    public void Protobuf_messages_that_contradict_themselves_are_refused()
    {
        Refused.As(ErrorCode.Version, () => Read(message => message.Version = 2));
        Refused.As(FormatError.Value, () => Read(message => message.Config = null));
        Refused.As(FormatError.Value, () => Read(message => message.Config.DModel = 0));
        Refused.As(FormatError.Value, () => Read(message => message.Config.DK = 3));
        Refused.As(ErrorCode.Limit, () => Read(message => message.Config.SeqLen = 65));
        Refused.As(FormatError.Value, () => Read(message => message.Config.SeqLen = uint.MaxValue));
        Refused.As(FormatError.Value, () => Read(message => message.Config.Heads = 2));
        Refused.As(FormatError.Value, () => Read(message => message.Config.Chunk = 4));
        Refused.As(FormatError.Value, () => Read(message => message.Params.Add(0)));
        Refused.As(FormatError.Value, () => Read(message => message.Params.RemoveAt(0)));
        Refused.As(ErrorCode.NonFinite, () => Read(message => message.Params[0] = double.NaN));
        Assert.Equal("n", Read(message => message.Name = "n").Name);
    }

    [Theory]
    [InlineData("kind", "eml-attentions", FormatError.Kind)]
    [InlineData("profile", "eml-core-0.1", FormatError.Value)]
    [InlineData("d_model", "3", FormatError.Value)]
    [InlineData("d_model", "two", FormatError.Value)]
    [InlineData("d_k", "3", FormatError.Value)]
    [InlineData("heads", null, FormatError.MissingField)]
    [InlineData("residual", "no", FormatError.Value)]
    [InlineData("trained", null, FormatError.MissingField)]
    [InlineData("depth", "3", FormatError.UnknownField)]
    public void Safetensors_that_contradict_themselves_are_refused(string key, string? value, FormatError error)
    {
        var block = new EmlAttention(new AttentionConfig { DModel = 2, DKey = 1, SeqLen = 3 });
        var reader = new SafetensorsReader(ModelFile.Write(block, FileFormat.Safetensors));
        var metadata = new Dictionary<string, string>(reader.Header.Metadata!);
        if (value is null)
            metadata.Remove(key);
        else
            metadata[key] = value;
        byte[] changed = SafetensorsWriter.Write([TensorData.F64("params", block.Parameters, (ulong)block.ParameterCount)], metadata);
        Refused.As(error, () => ModelFile.ReadEmlAttention(changed, FileFormat.Safetensors));
    }

    [Fact]
    public void Huge_shapes_are_refused_before_memory_is_taken()
    {
        byte[] json = Encoding.UTF8.GetBytes("{\"kind\":\"eml-attention\",\"version\":1,\"profile\":\"default\",\"config\":{\"d_model\":128," +
            "\"d_k\":128,\"seq_len\":64,\"heads\":4,\"nodes\":64,\"positional\":true,\"residual\":true,\"chunk\":2147483640},\"name\":\"\"," +
            "\"trained\":false,\"params\":[]}");
        Read(message => message.Name = ""); // whatever is made once has been made
        long before = GC.GetAllocatedBytesForCurrentThread();
        Refused.As(FormatError.Value, () => ModelFile.Read(json, FileFormat.Auto));
        Refused.As(FormatError.Value, () => Read(message => (message.Config.DModel, message.Config.SeqLen) = (128, 64)));
        Assert.True(GC.GetAllocatedBytesForCurrentThread() - before < 1 << 18);
    }

    [Fact]
    public void A_huge_chunk_takes_no_memory()
    {
        EmlAttention block = Read(message => message.Config.Chunk = int.MaxValue - 7);
        double[] y = new double[6];
        long before = GC.GetAllocatedBytesForCurrentThread();
        block.Forward([1, 2, 3, 4, 5, 6], 1, y);
        Assert.True(GC.GetAllocatedBytesForCurrentThread() - before < 1 << 16);
    }

    /// <summary>A block of a random shape with random contents.</summary>
    internal static EmlAttention Block(Random random)
    {
        int dModel = random.Next(1, 6);
        var block = new EmlAttention(new AttentionConfig
        {
            DModel = dModel,
            DKey = random.Next(1, dModel + 1),
            SeqLen = random.Next(1, 5),
            Heads = random.Next(1, 5),
            Nodes = random.Next(0, 3),
            Positional = random.Next(2) == 0,
            Residual = random.Next(2) == 0,
            Chunk = 8 * random.Next(0, 3),
        })
        { Name = Models.Text(random), Trained = random.Next(2) == 0 };
        block.SetParameters(Models.Numbers(random, block.ParameterCount));
        return block;
    }

    internal static void AssertSame(EmlAttention expected, EmlAttention actual)
    {
        Assert.Equal(expected.Config, actual.Config);
        Assert.Equal((expected.Name, expected.Trained), (actual.Name, actual.Trained));
        Golden.AssertBits(expected.Parameters.ToArray(), actual.Parameters.ToArray(), "value");
    }

    private static EmlAttention Read(Action<Eml.Formats.Proto.EmlAttention> change)
    {
        var block = new EmlAttention(new AttentionConfig { DModel = 2, DKey = 1, SeqLen = 3 });
        var message = Eml.Formats.Proto.EmlAttention.Parser.ParseFrom(ModelFile.Write(block, FileFormat.Protobuf));
        change(message);
        return ModelFile.ReadEmlAttention(message.ToByteArray(), FileFormat.Protobuf);
    }
}
