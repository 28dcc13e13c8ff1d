using System.Buffers.Binary;
using System.Text;
using Eml.Formats;
using Eml.Numerics;

namespace Eml.Tests.Formats;

/// <summary>Every refusal of a safetensors header, and what is accepted beside it.</summary>
public class SafetensorsTests
{
    private const string A = "\"a\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[0,8]}";

    [Theory]
    [InlineData(0)]
    [InlineData(7)]
    public void A_file_below_8_bytes_is_cut_off(int length) =>
        Refused.As(FormatError.Truncated, (ulong)length, () => Read(new byte[length]));

    [Theory]
    [InlineData(3UL, FormatError.Truncated)]
    [InlineData(100_000_000UL, FormatError.Truncated)]
    [InlineData(100_000_001UL, FormatError.HeaderTooLarge)]
    [InlineData(1UL << 63, FormatError.HeaderTooLarge)]
    [InlineData(ulong.MaxValue, FormatError.HeaderTooLarge)]
    [InlineData(ulong.MaxValue - 7, FormatError.HeaderTooLarge)]
    public void A_length_that_lies_is_refused_before_memory_is_taken(ulong length, FormatError error)
    {
        byte[] file = new byte[10];
        BinaryPrimitives.WriteUInt64LittleEndian(file, length);
        "{}"u8.CopyTo(file.AsSpan(8));
        long before = GC.GetAllocatedBytesForCurrentThread();
        Refused.As(error, () => Read(file));
        Assert.True(GC.GetAllocatedBytesForCurrentThread() - before < 100_000);
    }

    [Theory]
    [InlineData("", 8)]
    [InlineData("{", 9)]
    [InlineData("[]", 8)]
    [InlineData("null", 8)]
    [InlineData("1", 8)]
    [InlineData("\uFEFF{}", 8)]
    [InlineData("{}//", 10)]
    [InlineData("/**/{}", 8)]
    [InlineData("{\"a\":NaN}", 13)]
    [InlineData("{" + A + ",}", 62)]
    [InlineData("{}{}", 10)]
    [InlineData("{}\0\0", 10)]
    [InlineData("{\"\\ud800\":1}", 10)]
    [InlineData("{\"\u0001\":1}", 10)]
    [InlineData("{\"a\":[\"F32\",[2],[0,8]]}", 13)]
    [InlineData("{\"a\":1}", 13)]
    [InlineData("{\"a\":null}", 13)]
    public void A_header_that_is_no_object_of_objects_in_strict_JSON_is_refused(string header, ulong offset) =>
        Refused.As(FormatError.Json, offset, () => Read(File(header, 8)));

    [Fact]
    public void A_header_that_is_not_UTF8_or_nests_without_end_is_refused()
    {
        byte[] file = File("{\"abc\":1}", 0);
        file[11] = 0xFF;
        Refused.As(FormatError.Json, 11, () => Read(file));
        Refused.As(FormatError.Json, () => Read(File("{\"a\":" + new string('[', 200_000), 0)));
    }

    [Theory]
    [InlineData("{" + A + "," + A + "}", 8 + 54)]
    [InlineData("{" + A + ",\"\\u0061\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[0,8]}}", 8 + 54)]
    [InlineData("{" + A + ",\"a\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[8,16]}}", 8 + 54)]
    [InlineData("{\"a\":{\"dtype\":\"F32\",\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[0,8]}}", 28)]
    [InlineData("{\"__metadata__\":{},\"__metadata__\":{}}", 27)]
    [InlineData("{\"__metadata__\":{\"k\":\"1\",\"k\":\"1\"}}", 33)]
    public void What_stands_twice_is_refused(string header, ulong offset) =>
        Refused.As(FormatError.DuplicateKey, offset, () => Read(File(header, 16)));

    [Theory]
    [InlineData("{\"k\":1}")]
    [InlineData("{\"k\":{}}")]
    [InlineData("{\"k\":null}")]
    [InlineData("[]")]
    [InlineData("\"x\"")]
    public void Metadata_that_are_not_text_are_refused(string metadata) =>
        Refused.As(FormatError.BadMetadata, () => Read(File($"{{\"__metadata__\":{metadata}}}", 0)));

    [Theory]
    [InlineData("\"shape\":[2],\"data_offsets\":[0,8]")]
    [InlineData("\"dtype\":\"F32\",\"data_offsets\":[0,8]")]
    [InlineData("\"dtype\":\"F32\",\"shape\":[2]")]
    [InlineData("")]
    public void A_tensor_that_lacks_a_field_is_refused(string fields) =>
        Refused.As(FormatError.MissingField, 13, () => Read(File($"{{\"a\":{{{fields}}}}}", 8)));

    [Fact]
    public void A_field_that_is_not_known_is_refused_unless_asked_otherwise()
    {
        byte[] file = File("{\"a\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[0,8],\"x\":[1]}}", 8);
        Refused.As(FormatError.UnknownField, 61, () => Read(file));
        Assert.Single(new SafetensorsReader(file, allowUnknownFields: true).Header.Tensors);
    }

    [Theory]
    [InlineData("\"F128\"")]
    [InlineData("\"f32\"")]
    [InlineData("\"\"")]
    [InlineData("1")]
    [InlineData("null")]
    public void A_dtype_that_does_not_exist_is_refused(string dtype) => RefusedTensor(FormatError.BadDtype, dtype, "[2]", "[0,8]");

    [Theory]
    [InlineData("[-2]", "[0,8]")]
    [InlineData("[2.0]", "[0,8]")]
    [InlineData("[2e0]", "[0,8]")]
    [InlineData("[\"2\"]", "[0,8]")]
    [InlineData("[18446744073709551616]", "[0,8]")]
    [InlineData("[null]", "[0,8]")]
    [InlineData("2", "[0,8]")]
    [InlineData("[2]", "[0,8.0]")]
    [InlineData("[2]", "[-0,8]")]
    [InlineData("[2]", "[0,\"8\"]")]
    [InlineData("[2]", "[0,18446744073709551616]")]
    public void Numbers_that_are_not_whole_are_refused(string shape, string offsets) =>
        RefusedTensor(FormatError.BadNumber, "\"F32\"", shape, offsets);

    [Theory]
    [InlineData("[2]", "[0]")]
    [InlineData("[2]", "[]")]
    [InlineData("[2]", "[0,8,16]")]
    [InlineData("[2]", "{}")]
    [InlineData("[2]", "[8,0]")]
    [InlineData("[2]", "[18446744073709551615,0]")]
    [InlineData("[1]", "[4,8]")]
    public void Offsets_that_are_no_range_from_the_beginning_are_refused(string shape, string offsets) =>
        RefusedTensor(FormatError.BadOffset, "\"F32\"", shape, offsets);

    [Theory]
    [InlineData(0, 4, 5, 9)]   // a hole
    [InlineData(0, 4, 3, 7)]   // an overlap
    [InlineData(0, 4, 0, 4)]   // the same bytes
    [InlineData(0, 8, 4, 4)]   // nothing, inside another
    public void Tensors_that_do_not_touch_are_refused_naming_both(int begin, int end, int begin2, int end2)
    {
        string header = $"{{\"one\":{{\"dtype\":\"U8\",\"shape\":[{end - begin}],\"data_offsets\":[{begin},{end}]}}," +
            $"\"two\":{{\"dtype\":\"U8\",\"shape\":[{end2 - begin2}],\"data_offsets\":[{begin2},{end2}]}}}}";
        EmlException e = Refused.As(FormatError.BadOffset, () => Read(File(header, Math.Max(end, end2))));
        Assert.Contains("\"one\"", e.Message, StringComparison.Ordinal);
        Assert.Contains("\"two\"", e.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("[3]", "[0,8]")]
    [InlineData("[]", "[0,8]")]
    [InlineData("[0]", "[0,8]")]
    [InlineData("[2]", "[0,0]")]
    [InlineData("[1]", "[0,18446744073709551615]")]
    public void A_shape_of_another_size_is_refused(string shape, string offsets) =>
        RefusedTensor(FormatError.SizeMismatch, "\"F32\"", shape, offsets);

    [Theory]
    [InlineData("\"F32\"", "[4294967296,4294967296]", "[0,8]")]
    [InlineData("\"U8\"", "[18446744073709551615]", "[0,18446744073709551615]")]
    [InlineData("\"U8\"", "[2305843009213693952]", "[0,2305843009213693952]")]
    [InlineData("\"F64\"", "[288230376151711744]", "[0,8]")]
    [InlineData("\"U8\"", "[1]", "[18446744073709551614,18446744073709551615]")]
    public void Sizes_past_2_to_the_64_are_refused(string dtype, string shape, string offsets) =>
        RefusedTensor(FormatError.Overflow, dtype, shape, offsets);

    [Fact]
    public void Ends_that_add_up_past_2_to_the_64_are_refused()
    {
        var header = new StringBuilder("{");
        UInt128 begin = 0;
        for (int i = 0; begin < ulong.MaxValue; i++)
        {
            UInt128 size = UInt128.Min((1UL << 61) - 1, ulong.MaxValue - begin);
            header.Append($"{(i > 0 ? "," : "")}\"{i}\":{{\"dtype\":\"U8\",\"shape\":[{size}],\"data_offsets\":[{begin},{begin + size}]}}");
            begin += size;
        }

        Refused.As(FormatError.Overflow, () => Read(File(header.Append('}').ToString(), 8)));
    }

    [Theory]
    [InlineData("[4294967296,4294967296,0]")]
    [InlineData("[0,4294967296,4294967296]")]
    [InlineData("[18446744073709551615,0,18446744073709551615]")]
    public void A_zero_in_a_shape_means_no_bytes_wherever_it_stands(string shape)
    {
        TensorEntry tensor = Assert.Single(Read(File($"{{\"a\":{{\"dtype\":\"F64\",\"shape\":{shape},\"data_offsets\":[0,0]}}}}", 0)).Tensors);
        Assert.Equal((0UL, 0UL), (tensor.Begin, tensor.End));
    }

    [Theory]
    [InlineData("F4", 3, FormatError.SubByte)]
    [InlineData("F4", 4, FormatError.None)]
    [InlineData("F6_E2M3", 2, FormatError.SubByte)]
    [InlineData("F6_E3M2", 4, FormatError.None)]
    public void Elements_below_a_byte_must_fill_bytes(string dtype, int count, FormatError error)
    {
        int bytes = count * (dtype == "F4" ? 4 : 6) / 8;
        byte[] file = File($"{{\"a\":{{\"dtype\":\"{dtype}\",\"shape\":[{count}],\"data_offsets\":[0,{bytes}]}}}}", bytes);
        if (error == FormatError.None)
            Assert.Single(Read(file).Tensors);
        else
            Refused.As(error, () => Read(file));
    }

    [Fact]
    public void Data_must_end_where_the_tensors_end()
    {
        ulong end = (ulong)File("{" + A + "}", 8).Length;
        Refused.As(FormatError.Coverage, end, () => Read(File("{" + A + "}", 9)));
        Refused.As(FormatError.Coverage, end - 1, () => Read(File("{" + A + "}", 7)));
        Refused.As(FormatError.Coverage, end - 8, () => Read(File("{" + A + "}", 0)));
        Refused.As(FormatError.Coverage, 10, () => Read(File("{}", 1)));
    }

    [Fact]
    public void Ranks_and_names_have_limits()
    {
        string ones = string.Join(",", Enumerable.Repeat("1", 64));
        string header = $"{{\"\":{{\"dtype\":\"U8\",\"shape\":[{ones}],\"data_offsets\":[0,1]}}}}";
        Assert.Equal("", Assert.Single(Read(File(header, 1)).Tensors).Name);
        Refused.As(FormatError.Limit, () => Read(File(header.Replace(ones, ones + ",1", StringComparison.Ordinal), 1)));
        string million = string.Join(",", Enumerable.Repeat("1", 1_000_000));
        Refused.As(FormatError.Limit, () => Read(File(header.Replace(ones, million, StringComparison.Ordinal), 1)));
        Refused.As(FormatError.Limit, 9, () => Read(File("{" + A.Replace("\"a\"", "\"a\\u0000\"", StringComparison.Ordinal) + "}", 8)));
    }

    [Theory]
    [InlineData(" \t\r\n{} \n")]
    [InlineData("{\"__metadata__\":null}")]
    [InlineData("{\"__metadata__\":{}}")]
    [InlineData("{}")]
    public void White_space_and_absent_metadata_are_accepted(string header) => Assert.Empty(Read(File(header, 0)).Tensors);

    [Fact]
    public void Every_dtype_is_known_and_any_alignment_read()
    {
        foreach (Dtype dtype in Enum.GetValues<Dtype>())
        {
            // 8 elements are whole bytes of every type; one byte before them misaligns them.
            uint bytes = dtype.Bits();
            string header = $"{{\"b\":{{\"dtype\":\"U8\",\"shape\":[],\"data_offsets\":[0,1]}}," +
                $"\"a\":{{\"dtype\":\"{dtype.Name()}\",\"shape\":[2,4],\"data_offsets\":[1,{bytes + 1}]}}}}";
            byte[] file = File(header, (int)bytes + 1);
            var reader = new SafetensorsReader(file);
            Assert.Equal(["b", "a"], reader.Header.Tensors.Select(tensor => tensor.Name));
            TensorEntry tensor = reader.Header.Tensors[1];
            Assert.Equal(dtype, tensor.Dtype);
            Assert.Equal((int)bytes, reader.Data(tensor).Length);
            if (dtype is Dtype.F64 or Dtype.F32 or Dtype.F16 or Dtype.BF16)
                Assert.Equal(new double[8], reader.Doubles(tensor));
            else
                Refused.As(FormatError.BadDtype, tensor.HeaderOffset, () => new SafetensorsReader(file).Doubles(tensor));
        }
    }

    [Fact]
    public void Files_of_other_writers_are_read()
    {
        string folder = Path.GetDirectoryName(Golden.PathOf("lm", "tiny-a.f32.safetensors"))!;
        foreach (string path in Directory.Exists(folder) ? Directory.GetFiles(folder, "*.safetensors") : [])
            Assert.NotEmpty(new SafetensorsReader(System.IO.File.ReadAllBytes(path)).Header.Tensors);
    }

    private static SafetensorsHeader Read(byte[] file) => new SafetensorsReader(file).Header;

    private static void RefusedTensor(FormatError error, string dtype, string shape, string offsets) => Refused.As(error,
        () => Read(File($"{{\"a\":{{\"dtype\":{dtype},\"shape\":{shape},\"data_offsets\":{offsets}}}}}", 8)));

    /// <summary>A file of that header and so many zero bytes.</summary>
    private static byte[] File(string header, int data)
    {
        byte[] text = Encoding.UTF8.GetBytes(header);
        byte[] file = new byte[8 + text.Length + data];
        BinaryPrimitives.WriteUInt64LittleEndian(file, (ulong)text.Length);
        text.CopyTo(file, 8);
        return file;
    }
}
