using System.Text;
using Eml.Formats;
using Eml.Formats.Language;
using Eml.Language;
using Eml.Numerics;

namespace Eml.Tests.Language;

/// <summary>Language models in every format, there and back.</summary>
public sealed class LanguageFormatTests
{
    public static TheoryData<LanguageFormat, string> All()
    {
        var data = new TheoryData<LanguageFormat, string>();
        foreach (LanguageFormat format in LanguageFormatCases.Formats)
        {
            foreach (string variant in new[] { "f32", "bf16", "int8" })
            {
                data.Add(format, variant);
            }
        }
        return data;
    }

    [Theory]
    [MemberData(nameof(All))]
    public void A_model_comes_back_bit_for_bit(LanguageFormat format, string variant)
    {
        LanguageWeights weights = LanguageFormatCases.Weights("tiny-b", variant);
        Assert.Equal(16, weights.Config.SequenceLength);
        var checkpoint = new LanguageCheckpoint(weights, LanguageFormatCases.Tokenizer(), LanguageFormatCases.Training);
        byte[] bytes = LanguageFormatCases.Bytes(checkpoint, format);
        Assert.Equal(format, LanguageFile.Detect(bytes));
        Assert.True(LanguageFile.Recognises(bytes));

        LanguageCheckpoint back = LanguageFile.Read(bytes);
        LanguageFormatCases.AssertSame(LanguageQuantizer.Convert(weights, LanguageFile.Stored(weights.Type, format)), back.Weights);
        Assert.Equal(TokenizerFile.Write(checkpoint.Tokenizer!, TokenizerFormat.Json), TokenizerFile.Write(back.Tokenizer!, TokenizerFormat.Json));
        Assert.Equal(LanguageFormatCases.Training, back.Training);
        Assert.Equal(LanguageFormatCases.Bytes(back, format), LanguageFormatCases.Bytes(LanguageFile.Read(LanguageFormatCases.Bytes(back, format)), format));

        var bare = new LanguageCheckpoint(weights);
        LanguageCheckpoint bareBack = LanguageFile.Read(LanguageFormatCases.Bytes(bare, format));
        Assert.Null(bareBack.Tokenizer);
        Assert.Null(bareBack.Training);
    }

    [Theory]
    [MemberData(nameof(All))]
    public void Files_are_read_and_mapped(LanguageFormat format, string variant)
    {
        var checkpoint = new LanguageCheckpoint(LanguageFormatCases.Weights("tiny-b", variant));
        string path = Path.Combine(Path.GetTempPath(), $"eml-{Guid.NewGuid():N}.bin");
        try
        {
            LanguageFile.Save(path, checkpoint, format);
            LanguageWeights read = LanguageFile.Load(path).Weights, mapped = LanguageFile.Load(path, mapped: true).Weights;
            LanguageFormatCases.AssertSame(read, mapped);
            using LanguageSession one = new(read), other = new(mapped);
            float[] wanted = new float[300], found = new float[300];
            one.Read([3, 1, 4, 1, 5], wanted);
            other.Read([3, 1, 4, 1, 5], found);
            Assert.Equal(wanted, found);
        }
        finally
        {
            File.Delete(path);
        }
    }

    [Fact]
    public void A_mapping_lives_as_long_as_its_weights()
    {
        string path = Path.Combine(Path.GetTempPath(), $"eml-{Guid.NewGuid():N}.safetensors");
        try
        {
            LanguageFile.Save(path, LanguageFormatCases.Small(WeightType.F32));
            LanguageTensor tensor = LanguageFile.Load(path, mapped: true).Weights.Tensors[0];
            GC.Collect();
            GC.WaitForPendingFinalizers();
            GC.Collect();
            LanguageFormatCases.AssertSame(LanguageFormatCases.Small(WeightType.F32).Weights.Tensors[0], tensor);
        }
        finally
        {
            File.Delete(path);
        }
    }

    [Theory]
    [InlineData(WeightType.F32)]
    [InlineData(WeightType.BF16)]
    [InlineData(WeightType.I8)]
    public void Protobuf_is_read_from_a_stream_that_only_goes_forward(WeightType type)
    {
        LanguageCheckpoint checkpoint = LanguageFormatCases.Small(type);
        byte[] bytes = LanguageFormatCases.Bytes(checkpoint, LanguageFormat.Protobuf);
        LanguageFormatCases.AssertSame(checkpoint.Weights, LanguageFile.Read(new Trickle(bytes)).Weights);
        Assert.Equal((int)FormatError.Truncated, Assert.Throws<EmlException>(() => LanguageFile.Read(new Trickle(bytes[..^1]))).SubCode);
        Assert.Equal((int)FormatError.Coverage, Assert.Throws<EmlException>(() => LanguageFile.Read(new Trickle([.. bytes, 0]))).SubCode);
    }

    [Fact]
    public void Numpy_archives_of_half_precision_and_either_order_are_read()
    {
        // numpy.savez_compressed of tiny-b: matrices as float16, one of them in Fortran's order, vectors as float32.
        LanguageWeights found = LanguageFile.Read(LanguageFormatCases.Read("tiny-b.f16.npz"), LanguageFormatCases.Config("tiny-b")).Weights;
        LanguageWeights wanted = LanguageFormatCases.Weights("tiny-b", "f32");
        Assert.Equal(wanted.Config, found.Config);
        for (int i = 0; i < wanted.Tensors.Count; i++)
        {
            float[] numbers = Floats(wanted.Tensors[i]);
            Assert.Equal(wanted.Tensors[i].Shape.Length == 2 ? [.. numbers.Select(x => (float)(Half)x)] : numbers, Floats(found.Tensors[i]));
        }
    }

    [Fact]
    public void Archives_with_the_zip64_extension_are_read()
    {
        LanguageCheckpoint checkpoint = LanguageFormatCases.Small(WeightType.F32);
        byte[] file = LanguageFormatCases.Bytes(checkpoint, LanguageFormat.Npz);
        ReadOnlySpan<byte> end = file.AsSpan(file.Length - 22);
        byte[] end64 = new byte[56 + 20];
        BitConverter.TryWriteBytes(end64.AsSpan(0), 0x06064B50u);
        BitConverter.TryWriteBytes(end64.AsSpan(4), 44L);
        BitConverter.TryWriteBytes(end64.AsSpan(32), (long)BitConverter.ToUInt16(end[10..]));
        BitConverter.TryWriteBytes(end64.AsSpan(40), (long)BitConverter.ToUInt32(end[12..]));
        BitConverter.TryWriteBytes(end64.AsSpan(48), (long)BitConverter.ToUInt32(end[16..]));
        BitConverter.TryWriteBytes(end64.AsSpan(56), 0x07064B50u);
        BitConverter.TryWriteBytes(end64.AsSpan(64), (long)(file.Length - 22));
        byte[] large = [.. file.AsSpan(0, file.Length - 22), .. end64, .. end];
        large.AsSpan(large.Length - 14, 12).Fill(0xFF);
        LanguageFormatCases.AssertSame(checkpoint.Weights, LanguageFile.Read(large).Weights);
    }

    [Fact]
    public void Files_of_others_are_recognised_by_their_tensors()
    {
        LanguageConfig config = LanguageFile.Read(LanguageFormatCases.Read("tiny-b.f32.safetensors")).Weights.Config;
        Assert.Equal(LanguageFormatCases.Weights("tiny-b", "f32").Config with { SequenceLength = 2048 }, config);
    }

    [Fact]
    public void The_real_tokenizer_travels_along()
    {
        Tokenizer tokenizer = TokenizerFile.Load(Golden.PathOf("lm", "tokenizer.tiktoken"));
        LanguageConfig config = LanguageFormatCases.Small(WeightType.F32).Weights.Config with { VocabularySize = tokenizer.VocabularySize };
        LanguageWeights weights = LanguageWeights.Create(config, config.Tensors().Select(
            tensor => new LanguageTensor(tensor.Name, WeightType.F32, tensor.Shape, new byte[4 * tensor.Shape.Aggregate(1, (size, n) => size * n)])));
        foreach (LanguageFormat format in LanguageFormatCases.Formats)
        {
            Tokenizer back = LanguageFile.Read(LanguageFormatCases.Bytes(new LanguageCheckpoint(weights, tokenizer), format)).Tokenizer!;
            Assert.Equal(tokenizer.Encode("Hello world! größer 123"), back.Encode("Hello world! größer 123"));
        }
    }

    [Fact]
    public void What_could_not_be_read_back_is_not_written()
    {
        LanguageCheckpoint good = LanguageFormatCases.Small(WeightType.F32);
        foreach (LanguageFormat format in LanguageFormatCases.Formats)
        {
            Assert.Equal(ErrorCode.Argument, Assert.Throws<EmlException>(() => LanguageFormatCases.Bytes(good with { Training = "{\"a\":1" }, format)).Code);
            Assert.Equal(ErrorCode.Argument, Assert.Throws<EmlException>(() => LanguageFormatCases.Bytes(good with { Training = "\"\ud800\"" }, format)).Code);
            Assert.Equal(ErrorCode.Argument, Assert.Throws<EmlException>(() => LanguageFormatCases.Bytes(good with { Version = 2 }, format)).Code);
            EmlException large = Assert.Throws<EmlException>(() => LanguageFormatCases.Bytes(good with { Tokenizer = TokenizerFile.Load(Golden.PathOf("lm", "tokenizer.tiktoken")) }, format));
            Assert.Contains("the tokenizer has 8192 tokens and the model 258", large.Message, StringComparison.Ordinal);
        }
    }

    [Fact]
    public void A_file_that_cannot_be_written_leaves_the_old_one()
    {
        string folder = Directory.CreateTempSubdirectory("eml-").FullName;
        try
        {
            string path = Path.Combine(folder, "model.npz");
            LanguageCheckpoint good = LanguageFormatCases.Small(WeightType.F32);
            LanguageFile.Save(path, good);
            byte[] before = File.ReadAllBytes(path);
            Assert.Throws<EmlException>(() => LanguageFile.Save(path, good with { Version = 2 }));
            Assert.Throws<EmlException>(() => AtomicFile.Write(path, to =>
            {
                to.WriteByte(1);
                throw new EmlException(ErrorCode.Limit, "enough");
            }));
            Assert.Equal(before, File.ReadAllBytes(path));
            Assert.Equal([path], Directory.GetFiles(folder));
            AtomicFile.Write(path, to => to.Write(new byte[200_000]));
            Assert.Equal(200_000, AtomicFile.Read(path, 200_000).Length);
            Assert.Equal(ErrorCode.Limit, Assert.Throws<EmlException>(() => AtomicFile.Read(path, 199_999)).Code);
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }

    [Fact]
    public void Extensions_name_formats()
    {
        Assert.Equal(LanguageFormat.Safetensors, LanguageFile.FromPath("a.safetensors"));
        Assert.Equal(LanguageFormat.Json, LanguageFile.FromPath("a.JSON"));
        Assert.Equal(LanguageFormat.Npz, LanguageFile.FromPath("a.npz"));
        Assert.Equal(LanguageFormat.Protobuf, LanguageFile.FromPath("a.pb"));
        Assert.Equal(ErrorCode.Argument, Assert.Throws<EmlException>(() => LanguageFile.FromPath("a.bin")).Code);
    }

    [Fact]
    public void Json_is_as_documented()
    {
        string text = Encoding.UTF8.GetString(LanguageFormatCases.Bytes(LanguageFormatCases.Small(WeightType.I8), LanguageFormat.Json));
        using var json = System.Text.Json.JsonDocument.Parse(text);
        Assert.Equal(1, json.RootElement.Int("version"));
        System.Text.Json.JsonElement matrix = json.RootElement.At("weights").At("blocks.0.attn.c_q.weight");
        Assert.Equal("int8", matrix.At("dtype").GetString());
        Assert.Equal([8, 32], matrix.Doubles("shape"));
        Assert.Equal(8 * 32, matrix.At("data").GetBytesFromBase64().Length);
        Assert.Equal(8 * 4, matrix.At("scale").GetBytesFromBase64().Length);
        Assert.Equal("f32", json.RootElement.At("weights").At("resid_lambdas").At("dtype").GetString());
        // A writer that escapes slashes and puts the version into quotes writes the same model.
        string other = text.Replace("\"version\":1", "\"version\":\"1\"", StringComparison.Ordinal);
        int weights = other.IndexOf("\"weights\"", StringComparison.Ordinal);
        other = other[..weights] + other[weights..].Replace("/", "\\/", StringComparison.Ordinal);
        LanguageFormatCases.AssertSame(LanguageFormatCases.Small(WeightType.I8).Weights, LanguageFile.Read(Encoding.UTF8.GetBytes(other)).Weights);
    }

    private static float[] Floats(LanguageTensor tensor) => System.Runtime.InteropServices.MemoryMarshal.Cast<byte, float>(tensor.Data.Span).ToArray();

    /// <summary>A pipe that gives a few bytes at a time.</summary>
    private sealed class Trickle(byte[] bytes) : Stream
    {
        private int _at;

        public override bool CanRead => true;

        public override bool CanSeek => false;

        public override bool CanWrite => false;

        public override long Length => throw new NotSupportedException();

        public override long Position { get => throw new NotSupportedException(); set => throw new NotSupportedException(); }

        public override int Read(byte[] buffer, int offset, int count)
        {
            int read = Math.Min(Math.Min(count, 997), bytes.Length - _at);
            bytes.AsSpan(_at, read).CopyTo(buffer.AsSpan(offset));
            _at += read;
            return read;
        }

        public override void Flush()
        {
        }

        public override long Seek(long offset, SeekOrigin origin) => throw new NotSupportedException();

        public override void SetLength(long value) => throw new NotSupportedException();

        public override void Write(byte[] buffer, int offset, int count) => throw new NotSupportedException();
    }
}
