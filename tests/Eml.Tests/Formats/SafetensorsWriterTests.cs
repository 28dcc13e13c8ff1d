using System.Text;
using Eml.Formats;
using Eml.Functions;
using Eml.Numerics;

namespace Eml.Tests.Formats;

public class SafetensorsWriterTests
{
    [Fact]
    public void Tensors_are_sorted_and_padded_as_by_the_reference_writer()
    {
        byte[] file = SafetensorsWriter.Write(
        [
            new TensorData("b", Dtype.U8, [1], new byte[] { 1 }),
            new TensorData("a", Dtype.I8, [], new byte[] { 2 }),
            new TensorData("c", Dtype.F32, [1, 1], new byte[] { 3, 4, 5, 6 }),
            TensorData.F64("z", [1.0], 1),
            TensorData.F64("é\"", [], 0, 7),
        ], new Dictionary<string, string> { ["b"] = "2", ["a"] = "1" });
        string header = "{\"__metadata__\":{\"a\":\"1\",\"b\":\"2\"},\"z\":{\"dtype\":\"F64\",\"shape\":[1],\"data_offsets\":[0,8]}," +
            "\"é\\\"\":{\"dtype\":\"F64\",\"shape\":[0,7],\"data_offsets\":[8,8]},\"c\":{\"dtype\":\"F32\",\"shape\":[1,1],\"data_offsets\":[8,12]}," +
            "\"a\":{\"dtype\":\"I8\",\"shape\":[],\"data_offsets\":[12,13]},\"b\":{\"dtype\":\"U8\",\"shape\":[1],\"data_offsets\":[13,14]}}";
        int padded = (Encoding.UTF8.GetByteCount(header) + 7) / 8 * 8;
        Assert.Equal([(byte)padded, 1, 0, 0, 0, 0, 0, 0], file[..8]);
        Assert.Equal(header, Encoding.UTF8.GetString(file.AsSpan(8, padded)).TrimEnd(' '));
        Assert.Equal([0, 0, 0, 0, 0, 0, 0xF0, 0x3F, 3, 4, 5, 6, 2, 1], file[(8 + padded)..]);
        Assert.Equal(5, new SafetensorsReader(file).Header.Tensors.Count);
        Assert.Equal("2", new SafetensorsReader(file).Header.Metadata!["b"]);
    }

    [Fact]
    public void Nothing_at_all_can_be_written()
    {
        byte[] file = SafetensorsWriter.Write([]);
        Assert.Equal("{}      ", Encoding.UTF8.GetString(file.AsSpan(8)));
        Assert.Null(new SafetensorsReader(file).Header.Metadata);
    }

    [Fact]
    public void What_a_reader_would_refuse_is_not_written()
    {
        Refused.As(ErrorCode.Argument, () => SafetensorsWriter.Write([TensorData.F64("a", [], 0), TensorData.F64("a", [], 0)]));
        Refused.As(ErrorCode.Argument, () => SafetensorsWriter.Write([TensorData.F64("__metadata__", [], 0)]));
        Refused.As(ErrorCode.Argument, () => SafetensorsWriter.Write([TensorData.F64("a\0", [], 0)]));
        Refused.As(ErrorCode.Shape, () => SafetensorsWriter.Write([TensorData.F64("a", [1.0], 2)]));
        Refused.As(ErrorCode.Shape, () => SafetensorsWriter.Write([new TensorData("a", Dtype.F4, [3], new byte[1])]));
        Refused.As(ErrorCode.Limit, () => SafetensorsWriter.Write([TensorData.F64("a", [1.0], [.. Enumerable.Repeat(1UL, 65)])]));
        var large = new Dictionary<string, string> { ["k"] = new string(' ', SafetensorsHeader.MaxLength) };
        Refused.As(ErrorCode.Limit, () => SafetensorsWriter.Write([], large));
    }

    [Theory]
    [InlineData(Dtype.F32, new byte[] { 0, 0, 0xC0, 0x3F })]
    [InlineData(Dtype.F16, new byte[] { 0, 0x3E })]
    [InlineData(Dtype.BF16, new byte[] { 0xC0, 0x3F })]
    public void Shorter_floats_are_widened(Dtype dtype, byte[] oneAndAHalf)
    {
        var tree = new SafeTree(0, 0, 2);
        tree.SetParameters([1.5, 1.5]);
        byte[] file = SafetensorsWriter.Write(
        [
            new TensorData("weights", Dtype.F32, [2, 0], default),
            new TensorData("biases", dtype, [2], (byte[])[.. oneAndAHalf, .. oneAndAHalf]),
            TensorData.F64("constants", [], 2, 0, 3),
        ], Describe("eml-safetree", 0, 0, 2));
        Models.AssertSame(tree, ModelFile.Read(file, FileFormat.Auto));
    }

    [Theory]
    [InlineData("format", "pt", ErrorCode.Format, FormatError.Kind)]
    [InlineData("format", null, ErrorCode.Format, FormatError.Kind)]
    [InlineData("kind", "eml-other", ErrorCode.Format, FormatError.Kind)]
    [InlineData("kind", null, ErrorCode.Format, FormatError.MissingField)]
    [InlineData("version", "2", ErrorCode.Version, FormatError.None)]
    [InlineData("version", null, ErrorCode.Format, FormatError.MissingField)]
    [InlineData("profile", "x", ErrorCode.Format, FormatError.Value)]
    [InlineData("profile", null, ErrorCode.Format, FormatError.MissingField)]
    [InlineData("depth", "9", ErrorCode.Format, FormatError.Value)]
    [InlineData("depth", "3", ErrorCode.Format, FormatError.Value)]
    [InlineData("depth", "2.0", ErrorCode.Format, FormatError.Value)]
    [InlineData("depth", "-2", ErrorCode.Format, FormatError.Value)]
    [InlineData("depth", null, ErrorCode.Format, FormatError.MissingField)]
    [InlineData("inputs", "99999999999999999999", ErrorCode.Format, FormatError.Value)]
    [InlineData("heads", "2", ErrorCode.Format, FormatError.Value)]
    [InlineData("trained", "yes", ErrorCode.Format, FormatError.Value)]
    [InlineData("other", "x", ErrorCode.Format, FormatError.UnknownField)]
    [InlineData("user.other", "x", ErrorCode.Format, null)]
    public void Metadata_that_contradict_the_tensors_are_refused(string key, string? value, ErrorCode code, FormatError? error)
    {
        Dictionary<string, string> metadata = Describe("eml-model", 2, 1, 1);
        metadata["profile"] = "eml-core-0.1";
        metadata["trained"] = "true";
        if (value is null)
            metadata.Remove(key);
        else
            metadata[key] = value;
        byte[] file = SafetensorsWriter.Write([TensorData.F64("params", new double[26], 26)], metadata);
        if (error is null)
            Assert.Equal("x", ModelFile.ReadModel(file, FileFormat.Auto).Metadata["other"]);
        else
            Assert.Equal((int)error, Refused.As(code, () => ModelFile.Read(file, FileFormat.Safetensors)).SubCode);
    }

    [Fact]
    public void Tensors_that_contradict_the_metadata_are_refused()
    {
        Dictionary<string, string> metadata = Describe("eml-model", 2, 1, 1);
        metadata["profile"] = "eml-core-0.1";
        metadata["trained"] = "false";
        double[] zeros = new double[26], nan = [.. new double[25], double.NaN];
        TensorData parameters = TensorData.F64("params", zeros, 26), scale = TensorData.F64("input_offset", [0.0], 1);
        Refused.As(FormatError.MissingField, () => Read(metadata));
        Refused.As(FormatError.MissingField, () => Read(metadata, parameters, scale));
        Refused.As(FormatError.Value, () => Read(metadata, TensorData.F64("params", zeros, 2, 13)));
        Refused.As(FormatError.BadDtype, () => Read(metadata, new TensorData("params", Dtype.I64, [26], new byte[208])));
        Refused.As(ErrorCode.NonFinite, () => Read(metadata, TensorData.F64("params", nan, 26)));
        TensorData[] scaling = [parameters, scale, TensorData.F64("input_factor", [2.0], 1), TensorData.F64("target_offset", [0.0], 1)];
        Refused.As(FormatError.Value, () => Read(metadata, [.. scaling, TensorData.F64("target_factor", [0.0], 1)]));
        Refused.As(FormatError.Value, () => Read(metadata, [.. scaling, TensorData.F64("target_factor", [double.NaN], 1)]));
        Refused.As(FormatError.UnknownField, () => Read(metadata,
            [.. scaling, TensorData.F64("target_factor", [3.0], 1), TensorData.F64("x", [3.0], 1)]));
        Assert.Equal(3.0, ((EmlModel)Read(metadata, [.. scaling, TensorData.F64("target_factor", [3.0], 1)])).Scaling!.TargetFactor[0]);
        Refused.As(FormatError.Kind, () => ModelFile.Read(SafetensorsWriter.Write([parameters]), FileFormat.Auto));
    }

    private static object Read(Dictionary<string, string> metadata, params TensorData[] tensors) =>
        ModelFile.Read(SafetensorsWriter.Write(tensors, metadata), FileFormat.Auto);

    private static Dictionary<string, string> Describe(string kind, int depth, int inputs, int heads) => new()
    {
        ["format"] = "eml",
        ["kind"] = kind,
        ["version"] = "1",
        ["depth"] = $"{depth}",
        ["inputs"] = $"{inputs}",
        ["heads"] = $"{heads}",
    };
}
