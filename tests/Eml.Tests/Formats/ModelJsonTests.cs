using System.Text;
using System.Text.Json;
using Eml.Formats;
using Eml.Functions;
using Eml.Numerics;

namespace Eml.Tests.Formats;

public class ModelJsonTests
{
    [Fact]
    public void Models_are_written_byte_for_byte_as_eml_core_writes_them()
    {
        JsonElement file = Golden.EmlCore("model.json");
        foreach (JsonElement c in file.Array("cases").Concat(file.Array("special")))
        {
            var model = new EmlModel(c.Int("depth"), c.Int("input_count"), c.Int("head_count"), Profile.EmlCore01) { Name = "not stored" };
            model.SetParameters(c.Doubles("params"), allowNonFinite: true);
            model.Trained = c.TryGetProperty("trained", out JsonElement trained) && trained.GetBoolean();
            Assert.Equal(c.At("json").GetString(), Text(model));
        }
    }

    [Fact]
    public void Model_texts_of_eml_core_are_read_and_written_again_without_change()
    {
        IEnumerable<string> texts = Golden.EmlCore("model.json").Array("cases").Select(c => c.At("json").GetString()!)
            .Concat(Golden.EmlCore("model_training.json").Array("cases").SelectMany(c => c.Array("steps"))
                .Select(step => step.At("json").GetString()!))
            .Concat(Golden.EmlCore("distill.json").Array("cases")
                .SelectMany(c => new[] { c.At("teacher_json").GetString()!, c.At("student_json").GetString()! }));
        int count = 0;
        foreach (string text in texts.Where(text => !text.Contains("null", StringComparison.Ordinal)))
        {
            Assert.Equal(text, Text(ReadModel(text)));
            Assert.Equal(text, Text(Assert.IsType<EmlModel>(Read(text))));
            count++;
        }

        Assert.True(count > 0);
    }

    [Fact]
    public void Safe_trees_are_written_and_read_byte_for_byte_as_in_eml_core()
    {
        foreach (JsonElement c in Golden.EmlCore("safetree.json").Array("cases"))
        {
            var tree = new SafeTree(c.Int("depth"), c.Int("inputs"), c.Int("heads"));
            tree.SetParameters(c.Doubles("params"));
            string text = c.At("json").GetString()!;
            Assert.Equal(text, Text(tree));
            Models.AssertSame(tree, ReadSafeTree(text));
            Models.AssertSame(tree, Read(text));
        }
    }

    [Fact]
    public void What_eml_core_accepts_is_accepted_unless_it_contradicts_itself()
    {
        foreach (JsonElement c in Golden.EmlCore("errors.json").Array("from_json"))
        {
            string type = c.At("type").GetString()!, what = c.At("what").GetString()!, text = c.At("text").GetString()!;
            if (type is not ("EmlModel" or "SafeTree"))
                continue;

            Func<string> again = type == "EmlModel" ? () => Text(ReadModel(text)) : () => Text(ReadSafeTree(text));
            if (!c.At("accepted").GetBoolean())
                Refused.As(text.Contains("null]", StringComparison.Ordinal) ? ErrorCode.NonFinite : ErrorCode.Format, () => again());
            else if (what.Contains("not validated", StringComparison.Ordinal) || what.Contains("u64 max", StringComparison.Ordinal))
                Refused.As(FormatError.Value, () => again());
            else
                Assert.Equal(c.At("reserialized").GetString(), again());
        }
    }

    [Fact]
    public void Texts_of_wrapping_programs_are_read()
    {
        foreach (JsonElement c in Golden.EmlCore("persistence.json").Array("cases"))
        {
            string compact = c.At("compact").GetString()!, pretty = c.At("pretty").GetString()!, key = c.At("key").GetString()!;
            foreach (string text in new[] { compact, pretty })
            {
                var model = Assert.IsType<EmlModel>(Read(text));
                Golden.AssertBits(c.Doubles("params"), model.Parameters.ToArray(), "params");
                Assert.Equal(compact, $"{{\"{key}\":{Text(model)}}}");
                Refused.As(FormatError.MissingField, () => ReadModel(text));
            }
        }
    }

    [Fact]
    public void A_name_alone_is_not_written_in_eml_cores_text_and_scaling_and_metadata_follow_it()
    {
        var model = new EmlModel(2, 1, 1, Profile.EmlCore01) { Name = "n" };
        string pure = Text(model);
        Assert.EndsWith("],\"trained\":false}", pure, StringComparison.Ordinal);

        model.Scaling = new Scaling([1.0], [0.5], [-2.0], [4.0]);
        model.Metadata["b"] = "2";
        model.Metadata["a"] = "\"";
        Assert.Equal(pure[..^1] + ",\"name\":\"n\",\"scaling\":{\"input_offset\":[1.0],\"input_factor\":[0.5],\"target_offset\":[-2.0]," +
            "\"target_factor\":[4.0]},\"metadata\":{\"a\":\"\\\"\",\"b\":\"2\"}}", Text(model));
        Models.AssertSame(model, ReadModel(Text(model)));
    }

    [Fact]
    public void The_default_profile_has_a_kind_of_its_own()
    {
        var model = new EmlModel(2, 1, 1, Profile.Default) { Trained = true };
        string zeros = string.Join(",", Enumerable.Repeat("0.0", model.ParameterCount));
        string text = $"{{\"kind\":\"eml-model\",\"version\":1,\"profile\":\"default\",\"depth\":2,\"input_count\":1,\"head_count\":1," +
            $"\"params\":[{zeros}],\"trained\":true}}";
        Assert.Equal(text, Text(model));
        model.Name = "n";
        Assert.Equal(text[..^1] + ",\"name\":\"n\"}", Text(model));
        Models.AssertSame(model, ReadModel(Text(model)));
    }

    [Theory]
    [InlineData("\"version\":1", "\"version\":2", ErrorCode.Version, FormatError.None)]
    [InlineData("\"version\":1", "\"version\":\"1\"", ErrorCode.Format, FormatError.BadNumber)]
    [InlineData("\"version\":1,", "", ErrorCode.Format, FormatError.MissingField)]
    [InlineData("\"version\":1", "\"version\":1,\"extra\":0", ErrorCode.Format, FormatError.UnknownField)]
    [InlineData("\"default\"", "\"other\"", ErrorCode.Format, FormatError.Value)]
    [InlineData("\"depth\":2", "\"depth\":6", ErrorCode.Format, FormatError.Value)]
    [InlineData("\"depth\":2", "\"depth\":4294967298", ErrorCode.Format, FormatError.Value)]
    [InlineData("\"input_count\":1", "\"input_count\":0", ErrorCode.Format, FormatError.Value)]
    [InlineData("\"input_count\":1", "\"input_count\":9999999", ErrorCode.Limit, FormatError.None)]
    [InlineData("\"head_count\":1", "\"head_count\":0", ErrorCode.Format, FormatError.Value)]
    [InlineData("\"head_count\":1", "\"head_count\":1000000", ErrorCode.Format, FormatError.Value)]
    [InlineData("[0.0,", "[0.0,0.0,", ErrorCode.Format, FormatError.Value)]
    [InlineData("[0.0,", "[", ErrorCode.Format, FormatError.Value)]
    [InlineData("[0.0,", "[null,", ErrorCode.NonFinite, FormatError.None)]
    [InlineData("[0.0,", "[1e400,", ErrorCode.Format, FormatError.BadNumber)]
    [InlineData("[0.0,", "[\"1\",", ErrorCode.Format, FormatError.BadNumber)]
    [InlineData("[0.0,", "[[0.0],", ErrorCode.Format, FormatError.BadNumber)]
    [InlineData("\"trained\":false", "\"trained\":0", ErrorCode.Format, FormatError.Value)]
    [InlineData("\"name\":\"n\"", "\"name\":1", ErrorCode.Format, FormatError.Value)]
    [InlineData("\"metadata\":{\"k\":\"v\"}", "\"metadata\":{\"k\":1}", ErrorCode.Format, FormatError.BadMetadata)]
    [InlineData("\"metadata\":{\"k\":\"v\"}", "\"metadata\":[]", ErrorCode.Format, FormatError.BadMetadata)]
    [InlineData("\"input_offset\":[1.0]", "\"input_offset\":[1.0,2.0]", ErrorCode.Format, FormatError.Value)]
    [InlineData("\"input_offset\":[1.0],", "", ErrorCode.Format, FormatError.MissingField)]
    [InlineData("\"input_offset\":[1.0]", "\"input_offset\":[1.0],\"x\":[]", ErrorCode.Format, FormatError.UnknownField)]
    [InlineData("\"input_factor\":[0.5]", "\"input_factor\":[0.0]", ErrorCode.Format, FormatError.Value)]
    public void Contradictions_are_refused(string part, string instead, ErrorCode code, FormatError error)
    {
        var model = new EmlModel(2, 1, 1, Profile.Default) { Name = "n", Scaling = new Scaling([1.0], [0.5], [-2.0], [4.0]) };
        model.Metadata["k"] = "v";
        string text = Text(model);
        Assert.Contains(part, text, StringComparison.Ordinal);
        int at = text.IndexOf(part, StringComparison.Ordinal);
        text = text[..at] + instead + text[(at + part.Length)..];
        EmlException e = Refused.As(code, () => ReadModel(text));
        Assert.Equal((int)error, e.SubCode);
        Assert.Equal(code == ErrorCode.Format, e.ByteOffset <= (ulong)text.Length);
    }

    [Fact]
    public void Huge_shapes_are_refused_before_memory_is_taken()
    {
        string[] texts =
        [
            "{\"depth\":5,\"input_count\":1048576,\"head_count\":1048576,\"params\":[],\"trained\":false}",
            "{\"kind\":\"eml-model\",\"version\":1,\"profile\":\"default\",\"depth\":5,\"input_count\":1048576,\"head_count\":1048576,\"params\":[],\"trained\":false}",
            "{\"depth\":1024,\"inputs\":100000,\"heads\":1000,\"params\":[]}",
            "{\"depth\":0,\"inputs\":134217727,\"heads\":1,\"params\":[0]}",
        ];
        foreach (string text in texts)
        {
            byte[] bytes = Encoding.UTF8.GetBytes(text);
            long before = GC.GetAllocatedBytesForCurrentThread();
            Assert.Throws<EmlException>(() => ModelFile.Read(bytes, FileFormat.Auto));
            Assert.True(GC.GetAllocatedBytesForCurrentThread() - before < 1 << 20, text);
        }
    }

    [Fact]
    public void Nonfinite_parameters_are_written_in_eml_cores_text_only()
    {
        foreach (Profile profile in Enum.GetValues<Profile>())
        {
            var model = new EmlModel(2, 1, 1, profile);
            double[] parameters = new double[model.ParameterCount];
            parameters[1] = double.NaN;
            model.SetParameters(parameters, allowNonFinite: true);
            foreach (FileFormat format in new[] { FileFormat.Json, FileFormat.Safetensors, FileFormat.Protobuf })
            {
                if (profile == Profile.EmlCore01 && format == FileFormat.Json)
                    Refused.As(ErrorCode.NonFinite, () => ReadModel(Text(model)));
                else
                    Refused.As(ErrorCode.NonFinite, () => ModelFile.Write(model, format));
            }
        }
    }

    [Fact]
    public void Half_a_character_cannot_be_written()
    {
        foreach (FileFormat format in new[] { FileFormat.Json, FileFormat.Safetensors, FileFormat.Protobuf })
        {
            var model = new EmlModel(2, 1, 1, Profile.Default) { Name = "a\ud800" };
            Refused.As(ErrorCode.Argument, () => ModelFile.Write(model, format));
            model.Name = "😀";
            model.Metadata["\udc00"] = "";
            Refused.As(ErrorCode.Argument, () => ModelFile.Write(model, format));
        }
    }

    private static string Text(EmlModel model) => Encoding.UTF8.GetString(ModelFile.Write(model, FileFormat.Json));

    private static string Text(SafeTree tree) => Encoding.UTF8.GetString(ModelFile.Write(tree, FileFormat.Json));

    private static EmlModel ReadModel(string text) => ModelFile.ReadModel(Encoding.UTF8.GetBytes(text), FileFormat.Json);

    private static SafeTree ReadSafeTree(string text) => ModelFile.ReadSafeTree(Encoding.UTF8.GetBytes(text), FileFormat.Json);

    private static object Read(string text) => ModelFile.Read(Encoding.UTF8.GetBytes(text), FileFormat.Auto);
}
