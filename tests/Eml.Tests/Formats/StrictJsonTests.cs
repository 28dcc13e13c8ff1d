using System.Text;
using Eml.Formats;
using Eml.Numerics;

namespace Eml.Tests.Formats;

public class StrictJsonTests
{
    [Theory]
    [InlineData("", 0)]
    [InlineData("  \n", 3)]
    [InlineData("{", 1)]
    [InlineData("[1,2", 4)]
    [InlineData("{\"a\":1,}", 7)]
    [InlineData("[1,]", 3)]
    [InlineData("\uFEFF{}", 0)]
    [InlineData("{}x", 2)]
    [InlineData("{} {}", 3)]
    [InlineData("{}\0\0", 2)]
    [InlineData("// c\n{}", 0)]
    [InlineData("{/**/}", 1)]
    [InlineData("{'a':1}", 1)]
    [InlineData("{a:1}", 1)]
    [InlineData("[NaN]", 1)]
    [InlineData("[Infinity]", 1)]
    [InlineData("[-Infinity]", 2)]
    [InlineData("[.5]", 1)]
    [InlineData("[5.]", 3)]
    [InlineData("[+1]", 1)]
    [InlineData("[01]", 2)]
    [InlineData("[1e]", 3)]
    [InlineData("[0x1]", 2)]
    [InlineData("[tru]", 4)]
    [InlineData("[\"\\x\"]", 3)]
    [InlineData("[\"\u0001\"]", 2)]
    [InlineData("[\n\"\t\"]", 3)]
    [InlineData("[1}", 2)]
    [InlineData("\u00A0[]", 0)]
    public void What_is_not_RFC_8259_is_refused_where_it_stands(string text, ulong offset)
    {
        EmlException e = Refused.As(FormatError.Json, offset, () => Parse(text));
        Assert.Contains($"byte {offset}", e.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("[\"\\ud800\"]", 2)]
    [InlineData("[\"\\udc00\"]", 2)]
    [InlineData("[\"\\ud800\\ud800\\udc00\"]", 2)]
    [InlineData("[\"\\ud83d\\ude00\\ude00\"]", 14)]
    [InlineData("[\"\\ud800x\"]", 2)]
    [InlineData("[\"\\ud800\\n\"]", 2)]
    [InlineData("{\"a\\uD9ab\":1}", 3)]
    public void Lone_surrogates_are_refused(string text, ulong offset) => Refused.As(FormatError.Json, offset, () => Parse(text));

    [Theory]
    [InlineData("\"\\\\ud800\"", "\\ud800")]
    [InlineData("\"\\ud83d\\uDE00\"", "😀")]
    [InlineData("\"😀\"", "😀")]
    [InlineData("\"\\u0000\\b\\f\\n\\r\\t\\/\\\"\"", "\0\b\f\n\r\t/\"")]
    public void Good_strings_are_read(string text, string value) => Assert.Equal(value, Parse(text).Text("text"));

    [Theory]
    [InlineData(0, 0x80)]
    [InlineData(1, 0xC0, 0x80)]
    [InlineData(2, 0xED, 0xA0, 0x80)]
    [InlineData(255, 0xF5)]
    [InlineData(1000, 0xE2, 0x82)]
    public void What_is_not_UTF8_is_refused_where_it_stands(int before, params int[] bad)
    {
        byte[] text = [(byte)'"', .. Encoding.ASCII.GetBytes(new string('a', before)), .. bad.Select(b => (byte)b), (byte)'"'];
        Refused.As(FormatError.Json, (ulong)before + 1, () => StrictJson.Parse(text, "test"));
    }

    [Theory]
    [InlineData("{\"a\":1,\"a\":1}", 7)]
    [InlineData("{\"a\":1,\"\\u0061\":1}", 7)]
    [InlineData("[{\"b\":{\"a\":{},\"c\":[],\"a\":{}}}]", 21)]
    [InlineData("{\"\":1,\"b\":2,\"\":3}", 12)]
    public void A_key_that_stands_twice_is_refused_however_it_is_spelled(string text, ulong offset) =>
        Refused.As(FormatError.DuplicateKey, offset, () => Parse(text));

    [Fact]
    public void The_same_key_may_stand_in_different_objects() =>
        Assert.Equal(3, Parse("{\"a\":{\"a\":1},\"b\":[{\"a\":1},{\"a\":1}],\"A\":1}").Members("test").Count);

    [Fact]
    public void Nesting_ends_at_a_fixed_depth()
    {
        Parse(new string('[', StrictJson.MaxDepth) + new string(']', StrictJson.MaxDepth));
        EmlException e = Refused.As(FormatError.Json, StrictJson.MaxDepth, () => Parse(new string('[', 200_000)));
        Assert.Contains("64", e.Message, StringComparison.Ordinal);
        Refused.As(FormatError.Json, () => Parse(string.Concat(Enumerable.Repeat("{\"a\":", 200_000))));
    }

    [Fact]
    public void Offsets_count_from_the_beginning_of_the_input()
    {
        JsonValue root = StrictJson.Parse(Encoding.UTF8.GetBytes(" {\"a\" : [1, {\"b\":true}] } "), "test", 1000);
        Assert.Equal(1001UL, root.Offset);
        JsonValue a = root.Members("test")["a"];
        Assert.Equal(1008UL, a.Offset);
        JsonItems items = a.Items();
        Assert.True(items.Next());
        Assert.True(items.Next());
        Assert.Equal(1012UL, items.Value.Offset);
        Assert.True(items.Value.Members("test")["b"].Boolean("b"));
        Assert.False(items.Next());
    }

    [Fact]
    public void Fields_are_asked_for_by_name()
    {
        JsonMembers members = Parse("{\"n\\u0061me\":null,\"x\":1}").Members("test");
        Assert.False(members.TryGet("name", out _));
        Assert.True(members.Has("name"));
        Refused.As(FormatError.MissingField, 0, () => _ = Parse("{}").Members("test")["x"]);
        Refused.As(FormatError.UnknownField, 7, () => Parse("{\"a\":1, \"b\":2}".Replace(" ", "")).Members("test").RefuseOthers("a"));
    }

    [Fact]
    public void Many_small_objects_beside_a_large_one_take_no_long()
    {
        // One set of keys per depth that is cleared and used again would make this quadratic.
        var text = new StringBuilder("[{");
        for (int i = 0; i < 100_000; i++)
            text.Append(i == 0 ? "" : ",").Append('"').Append(i).Append("\":0");
        text.Append('}');
        for (int i = 0; i < 100_000; i++)
            text.Append(",{\"a\":0}");
        Assert.True(Parse(text.Append(']').ToString()).IsArray);
    }

    private static JsonValue Parse(string text) => StrictJson.Parse(Encoding.UTF8.GetBytes(text), "test");
}
