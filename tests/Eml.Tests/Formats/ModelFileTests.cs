using System.Text;
using Eml.Formats;
using Eml.Functions;
using Eml.Numerics;
using Google.Protobuf;

namespace Eml.Tests.Formats;

/// <summary>What holds for all formats together.</summary>
public class ModelFileTests
{
    private static readonly FileFormat[] s_formats = [FileFormat.Json, FileFormat.Browser, FileFormat.Safetensors, FileFormat.Protobuf];

    [Theory]
    [InlineData(Profile.EmlCore01)]
    [InlineData(Profile.Default)]
    public void Every_model_survives_every_format_bit_for_bit(Profile profile)
    {
        var random = new Random(4);
        for (int i = 0; i < 200; i++)
        {
            EmlModel model = Models.Model(random, profile);
            foreach (FileFormat format in s_formats.Where(format => format != FileFormat.Browser))
            {
                byte[] bytes = ModelFile.Write(model, format);
                Assert.Equal(format, ModelFile.Detect(bytes));
                Models.AssertSame(model, ModelFile.ReadModel(bytes, format));
                Models.AssertSame(model, ModelFile.Read(bytes, FileFormat.Auto));
                Assert.Equal(bytes, ModelFile.Write(ModelFile.ReadModel(bytes, FileFormat.Auto), format));
                if (format != FileFormat.Json)
                    Refused.As(FormatError.Kind, () => ModelFile.ReadSafeTree(bytes, format));
                else
                    Refused.As(ErrorCode.Format, () => ModelFile.ReadSafeTree(bytes, format));
            }
        }
    }

    [Fact]
    public void Every_safe_tree_survives_every_format_bit_for_bit()
    {
        var random = new Random(5);
        for (int i = 0; i < 200; i++)
        {
            SafeTree tree = Models.Tree(random);
            foreach (FileFormat format in s_formats)
            {
                byte[] bytes = ModelFile.Write(tree, format);
                Assert.Equal(format, ModelFile.Detect(bytes));
                Models.AssertSame(tree, ModelFile.ReadSafeTree(bytes, format));
                Models.AssertSame(tree, ModelFile.Read(bytes, FileFormat.Auto));
                Assert.Equal(bytes, ModelFile.Write(ModelFile.ReadSafeTree(bytes, FileFormat.Auto), format));
                Refused.As(FormatError.Kind, () => ModelFile.ReadModel(bytes, format));
            }
        }
    }

    [Theory]
    [InlineData("m.json", FileFormat.Json)]
    [InlineData("a.b/m.browser.json", FileFormat.Browser)]
    [InlineData("m.SAFETENSORS", FileFormat.Safetensors)]
    [InlineData("m.pb", FileFormat.Protobuf)]
    public void The_extension_names_the_format(string path, FileFormat format) => Assert.Equal(format, ModelFile.FromPath(path));

    [Theory]
    [InlineData("")]
    [InlineData("model")]
    [InlineData("m.onnx")]
    [InlineData("json")]
    public void Another_extension_is_refused_and_the_known_ones_named(string path)
    {
        EmlException e = Refused.As(ErrorCode.Argument, () => ModelFile.FromPath(path));
        Assert.Contains(".json, .safetensors, .pb", e.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("", null)]
    [InlineData("depth,inputs", null)]
    [InlineData("null", null)]
    [InlineData("\n\u000aXeml.v1.Model", null)]
    [InlineData("eight by{", null)]
    [InlineData("  {}", FileFormat.Json)]
    [InlineData("[", FileFormat.Json)]
    [InlineData("\uFEFF{}", FileFormat.Json)]
    [InlineData("{}\0\0\0\0\0\0\0\0\0", FileFormat.Json)]
    [InlineData("{\0\0\0\0\0\0\0{", FileFormat.Safetensors)]
    [InlineData("\n\u000ceml.v1.Model", FileFormat.Protobuf)]
    [InlineData("\n\u000feml.v1.SafeTree", FileFormat.Protobuf)]
    public void The_beginning_tells_the_format(string bytes, FileFormat? format)
    {
        byte[] file = Encoding.UTF8.GetBytes(bytes);
        if (format is null)
            Refused.As(FormatError.Unknown, 0, () => ModelFile.Detect(file));
        else
            Assert.Equal(format, ModelFile.Detect(file));
    }

    [Fact]
    public void A_header_that_is_too_large_is_recognised_so_that_the_refusal_can_say_so()
    {
        byte[] file = [0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, (byte)'{', (byte)'}'];
        Refused.As(FormatError.HeaderTooLarge, () => ModelFile.Read(file, FileFormat.Auto));
    }

    [Theory]
    [InlineData("{}")]
    [InlineData("{\"inner\":{}}")]
    [InlineData("{\"inner\":[2,1,1,[],false]}")]
    [InlineData("{\"name\":\"b\",\"d_model\":1}")]
    [InlineData("[]")]
    [InlineData("[1,2,3]")]
    public void JSON_of_something_else_is_no_model(string text) =>
        Refused.As(FormatError.Kind, () => ModelFile.Read(Encoding.UTF8.GetBytes(text), FileFormat.Auto));

    [Theory]
    [InlineData(FileFormat.Auto)]
    [InlineData((FileFormat)5)]
    [InlineData((FileFormat)(-1))]
    public void Only_real_formats_are_written(FileFormat format)
    {
        Refused.As(ErrorCode.Argument, () => ModelFile.Write(new EmlModel(2, 1, 1, Profile.Default), format));
        Refused.As(ErrorCode.Argument, () => ModelFile.Write(new SafeTree(1, 1, 1), format));
        if (format != FileFormat.Auto)
            Refused.As(ErrorCode.Argument, () => ModelFile.Read("{}"u8, format));
    }

    [Fact]
    public void Metadata_have_limits()
    {
        foreach (FileFormat format in new[] { FileFormat.Json, FileFormat.Safetensors, FileFormat.Protobuf })
        {
            var model = new EmlModel(2, 1, 1, Profile.Default);
            for (int i = 0; i < 256; i++)
                model.Metadata[$"{i}"] = "";
            model.Metadata["0"] = new string('v', 1 << 20);
            Models.AssertSame(model, ModelFile.Read(ModelFile.Write(model, format), FileFormat.Auto));
            model.Metadata["0"] += "v";
            Refused.As(ErrorCode.Limit, () => ModelFile.Write(model, format));
            model.Metadata["0"] = "";
            model.Metadata["256"] = "";
            Refused.As(ErrorCode.Limit, () => ModelFile.Write(model, format));
            model.Metadata.Clear();
            model.Metadata[new string('é', 129)] = "";
            Refused.As(ErrorCode.Limit, () => ModelFile.Write(model, format));
        }

        Refused.As(ErrorCode.Limit, () => Read(message => message.Metadata.Add(new string('é', 129), "")));
        Refused.As(ErrorCode.Limit, () => Read(message => message.Metadata.Add("k", new string('v', (1 << 20) + 1))));
        Refused.As(ErrorCode.Limit, () => Read(message =>
        {
            for (int i = 0; i < 257; i++)
                message.Metadata.Add($"{i}", "");
        }));
    }

    [Fact]
    public void Protobuf_messages_that_contradict_themselves_are_refused()
    {
        Refused.As(ErrorCode.Version, () => Read(message => message.Version = 2));
        Refused.As(FormatError.Value, () => Read(message => message.Profile = Eml.Formats.Proto.Profile.Unspecified));
        Refused.As(FormatError.Value, () => Read(message => message.Profile = (Eml.Formats.Proto.Profile)3));
        Refused.As(FormatError.Value, () => Read(message => message.Depth = uint.MaxValue));
        Refused.As(FormatError.Value, () => Read(message => message.Inputs = ulong.MaxValue));
        Refused.As(FormatError.Value, () => Read(message => message.Heads = 3));
        Refused.As(FormatError.Value, () => Read(message => message.Params.Add(0)));
        Refused.As(ErrorCode.NonFinite, () => Read(message => message.Params[0] = double.NegativeInfinity));
        Refused.As(FormatError.Value, () => Read(message => message.Scaling.InputOffset.Clear()));
        Refused.As(ErrorCode.NonFinite, () => Read(message => message.Scaling.InputOffset[0] = double.NaN));
        Refused.As(FormatError.Value, () => Read(message => message.Scaling.TargetFactor[0] = 0));
        Refused.As(FormatError.Protobuf, () => Read(message => message.Type = "eml.v1.Other"));
        Assert.Equal("n", Read(message => message.Name = "n").Name);

        byte[] bytes = ModelFile.Write(new EmlModel(2, 1, 1, Profile.Default), FileFormat.Protobuf);
        Refused.As(FormatError.Protobuf, () => ModelFile.ReadModel(bytes.AsSpan(0, bytes.Length - 1), FileFormat.Protobuf));
        Refused.As(FormatError.Protobuf, 0, () => ModelFile.ReadModel("{}"u8, FileFormat.Protobuf));
        byte[] twice = [.. bytes, .. ModelFile.Write(new SafeTree(1, 1, 1), FileFormat.Protobuf)];
        Refused.As(ErrorCode.Format, () => ModelFile.ReadModel(twice, FileFormat.Protobuf));
    }

    private static EmlModel Read(Action<Eml.Formats.Proto.Model> change)
    {
        var model = new EmlModel(2, 1, 1, Profile.Default) { Scaling = new Scaling([1.0], [2.0], [3.0], [4.0]) };
        Eml.Formats.Proto.Model message = Eml.Formats.Proto.Model.Parser.ParseFrom(ModelFile.Write(model, FileFormat.Protobuf));
        change(message);
        return ModelFile.ReadModel(message.ToByteArray(), FileFormat.Protobuf);
    }
}
