using System.Runtime.InteropServices;
using Eml.Language;
using Eml.Numerics;
using Google.Protobuf;

namespace Eml.Formats.Language;

/// <summary>A language model as a header eml.v1.LanguageModelHeader and the numbers behind it, proto/eml/v1/language.proto.</summary>
internal static class LanguageProtobuf
{
    private const string Type = "eml.v1.LanguageModelHeader";
    private const string What = "protobuf language model";
    private const int Alignment = 64;

    /// <summary>Bytes of a header: more than any tokenizer within the limits needs.</summary>
    private const int MaxHeader = 1 << 28;

    private const int MaxVarint = 5;

    /// <summary>Hands out the bytes of the file from an offset on; offsets only grow.</summary>
    private delegate ReadOnlyMemory<byte> Take(long offset, int length);

    public static void Write(LanguageCheckpoint checkpoint, Stream to)
    {
        var header = new Proto.LanguageModelHeader
        {
            Type = Type,
            Version = (uint)checkpoint.Version,
            Config = ToMessage(checkpoint.Weights.Config),
            Training = checkpoint.Training ?? "",
        };
        if (checkpoint.Tokenizer is { } tokenizer)
        {
            header.Tokenizer = ByteString.CopyFrom(TokenizerJson.Write(tokenizer));
        }
        long end = 0;
        foreach (LanguageTensor tensor in checkpoint.Weights.Tensors)
        {
            var entry = new Proto.LanguageModelTensor { Name = tensor.Name, Dtype = Dtype(tensor.Type), Offset = (ulong)Aligned(end) };
            entry.Shape.AddRange(tensor.Shape.Select(size => (uint)size));
            end = Aligned(end) + tensor.Data.Length;
            if (tensor.Type == WeightType.I8)
            {
                entry.ScaleOffset = (ulong)Aligned(end);
                end = Aligned(end) + (sizeof(float) * (long)tensor.Scales.Length);
            }
            header.Tensors.Add(entry);
        }

        byte[] zeros = new byte[Alignment];
        long at = 0;
        using (var text = new MemoryStream())
        {
            header.WriteDelimitedTo(text);
            Put(text.GetBuffer().AsSpan(0, (int)text.Length));
        }
        foreach (LanguageTensor tensor in checkpoint.Weights.Tensors)
        {
            Put(tensor.Data.Span);
            if (tensor.Type == WeightType.I8)
            {
                Put(MemoryMarshal.AsBytes(tensor.Scales.Span));
            }
        }

        void Put(ReadOnlySpan<byte> bytes)
        {
            to.Write(zeros, 0, (int)(Aligned(at) - at));
            to.Write(bytes);
            at = Aligned(at) + bytes.Length;
        }
    }

    /// <summary>True if the bytes begin as such a file does.</summary>
    public static bool Recognises(ReadOnlySpan<byte> file) =>
        Length(file, out int start, out _) && file[start..] is [0x0A, (byte)26, .. var rest] && rest.StartsWith("eml.v1.LanguageModelHeader"u8);

    public static LanguageCheckpoint Read(LanguageBytes file)
    {
        ReadOnlySpan<byte> start = file.Start;
        if (!Length(start, out int at, out int length))
        {
            throw NoLength();
        }
        if (length > start.Length - at)
        {
            throw CutOff(file.Length, $"the header of {length} bytes");
        }
        LanguageCheckpoint checkpoint = Read(start.Slice(at, length), at + length, (offset, count) => offset <= file.Length && count <= file.Length - offset
            ? file.Slice(offset, count)
            : throw CutOff(file.Length, $"the {count} bytes from byte {offset} on"), out long end);
        return end == file.Length ? checkpoint : throw TooLong(end);
    }

    /// <summary>Reads what need not be all there yet; it goes forward only and reads to the end.</summary>
    public static LanguageCheckpoint Read(Stream stream)
    {
        var from = new ForwardStream(stream, CutOff);
        byte[] first = new byte[MaxVarint];
        int used = 0;
        do
        {
            first[used] = from.Take(from.Position, 1).Span[0];
        }
        while ((first[used++] & 0x80) != 0 && used < MaxVarint);
        if (!Length(first, out int at, out int length) || at != used)
        {
            throw NoLength();
        }
        ReadOnlyMemory<byte> header = from.Take(used, length);
        LanguageCheckpoint checkpoint = Read(header.Span, from.Position, from.Take, out long end);
        return from.IsAtEnd() ? checkpoint : throw TooLong(end);
    }

    private static LanguageCheckpoint Read(ReadOnlySpan<byte> header, long headerEnd, Take take, out long end)
    {
        Proto.LanguageModelHeader message = ModelProtobuf.Parse(Proto.LanguageModelHeader.Parser, header, Type);
        ulong at = (ulong)(headerEnd - header.Length);
        if (message.Type != Type)
        {
            throw new EmlException(FormatError.Kind, at, $"{What}: type in the header at byte {at} is {StrictJson.Quoted(message.Type)}; it must be \"{Type}\"");
        }
        if (message.Version != LanguageCheckpoint.CurrentVersion)
        {
            throw new EmlException(ErrorCode.Version, at, $"{What}: version {message.Version}; this library knows version {LanguageCheckpoint.CurrentVersion}; use a newer libeml");
        }
        LanguageConfig config = FromMessage(message.Config ?? throw new EmlException(FormatError.MissingField, at, $"{What}: the header at byte {at} has no config"), at);
        long start = Aligned(headerEnd);
        end = start;
        var tensors = new List<LanguageTensor>();
        foreach (Proto.LanguageModelTensor entry in message.Tensors)
        {
            tensors.Add(Tensor(entry, start, ref end, take, at));
        }
        LanguageWeights weights = UntrustedLanguage.Weights(tensors, at, What, config, null);
        return UntrustedLanguage.Checkpoint(weights, message.Tokenizer.IsEmpty ? null : message.Tokenizer.ToByteArray(),
            message.Training.Length == 0 ? null : System.Text.Encoding.UTF8.GetBytes(message.Training), at, What);
    }

    private static LanguageTensor Tensor(Proto.LanguageModelTensor entry, long start, ref long end, Take take, ulong at)
    {
        string shown = $"tensor {StrictJson.Quoted(entry.Name)}";
        WeightType type = entry.Dtype switch
        {
            Proto.LanguageDtype.F32 => WeightType.F32,
            Proto.LanguageDtype.Bf16 => WeightType.BF16,
            Proto.LanguageDtype.I8 => WeightType.I8,
            _ => throw new EmlException(FormatError.BadDtype, at, $"{What}: {shown} in the header at byte {at} has the dtype {(int)entry.Dtype}; known are 1 (F32), 2 (BF16) and 3 (I8)"),
        };
        if (entry.Shape.Count is not (1 or 2) || (type == WeightType.I8) != entry.HasScaleOffset)
        {
            throw new EmlException(FormatError.Value, at, $"{What}: {shown} in the header at byte {at} must have one size or two, and an offset of scales if and only if it is I8");
        }
        int[] shape = UntrustedLanguage.Shape(entry.Shape.Select(size => (ulong)size));
        long count = shape.Aggregate(1L, (size, n) => size * n);
        ReadOnlyMemory<byte> data = Next(entry.Offset, count, LanguageTensor.SizeOf(type), ref end);
        float[] scales = type == WeightType.I8
            ? MemoryMarshal.Cast<byte, float>(Next(entry.ScaleOffset, shape[0], sizeof(float), ref end).Span).ToArray() : [];
        return new LanguageTensor(entry.Name, type, shape, data, scales);

        ReadOnlyMemory<byte> Next(ulong offset, long numbers, int size, ref long end)
        {
            long begin = Aligned(end);
            if (offset != (ulong)(begin - start))
            {
                throw new EmlException(FormatError.BadOffset, at, $"{What}: {shown} in the header at byte {at} has the offset {offset}; after what stands before it, it must be {begin - start}");
            }
            if (numbers > Array.MaxLength / size)
            {
                throw new EmlException(FormatError.Limit, at, $"{What}: {shown} in the header at byte {at} has {numbers} numbers of {size} bytes; the limit is {Array.MaxLength} bytes");
            }
            end = begin + (numbers * size);
            return take(begin, (int)(numbers * size));
        }
    }

    private static Proto.LanguageModelConfig ToMessage(LanguageConfig config) => new()
    {
        VocabSize = (uint)config.VocabularySize,
        NLayer = (uint)config.Layers,
        NEmbd = (uint)config.ModelWidth,
        NHead = (uint)config.Heads,
        NKvHead = (uint)config.KeyValueHeads,
        HeadDim = (uint)config.HeadWidth,
        HiddenDim = (uint)config.HiddenWidth,
        SequenceLen = (uint)config.SequenceLength,
        WindowPattern = config.WindowPattern,
        Activation = config.Activation == LanguageActivation.Eml ? Proto.LanguageActivation.Eml : Proto.LanguageActivation.Relu2,
    };

    private static LanguageConfig FromMessage(Proto.LanguageModelConfig message, ulong at) => UntrustedLanguage.InFile(at, What, () =>
    {
        var config = new LanguageConfig
        {
            VocabularySize = Int(message.VocabSize),
            Layers = Int(message.NLayer),
            ModelWidth = Int(message.NEmbd),
            Heads = Int(message.NHead),
            KeyValueHeads = Int(message.NKvHead),
            HeadWidth = Int(message.HeadDim),
            HiddenWidth = Int(message.HiddenDim),
            SequenceLength = Int(message.SequenceLen),
            WindowPattern = message.WindowPattern,
            Activation = message.Activation switch
            {
                Proto.LanguageActivation.Eml => LanguageActivation.Eml,
                Proto.LanguageActivation.Relu2 => LanguageActivation.SquaredRelu,
                _ => throw new EmlException(ErrorCode.Argument, $"activation {(int)message.Activation} is not known; known are 1 (eml) and 2 (relu2)"),
            },
        };
        config.Check();
        return config;
    });

    private static int Int(uint size) => (int)Math.Min(size, int.MaxValue);

    private static Proto.LanguageDtype Dtype(WeightType type) => type switch
    {
        WeightType.F32 => Proto.LanguageDtype.F32,
        WeightType.BF16 => Proto.LanguageDtype.Bf16,
        _ => Proto.LanguageDtype.I8,
    };

    /// <summary>The header's length, a varint in the fewest bytes; false if there is none.</summary>
    private static bool Length(ReadOnlySpan<byte> file, out int start, out int length)
    {
        ulong value = 0;
        length = 0;
        for (start = 0; start < Math.Min(file.Length, MaxVarint);)
        {
            byte next = file[start];
            value |= (ulong)(next & 0x7F) << (7 * start++);
            if (next < 0x80)
            {
                length = (int)Math.Min(value, int.MaxValue);
                return value <= MaxHeader && (next != 0 || start == 1);
            }
        }
        return false;
    }

    private static long Aligned(long offset) => (offset + Alignment - 1) / Alignment * Alignment;

    private static EmlException NoLength() => new(FormatError.Protobuf, 0,
        $"{What}: byte 0 must begin the header's length, a varint of at most {MaxHeader} in the fewest bytes, and does not");

    private static EmlException CutOff(long length, string what) => new(FormatError.Truncated, (ulong)length, $"{What}: the file ends at byte {length}, before {what}; it seems cut off");

    private static EmlException TooLong(long end) => new(FormatError.Coverage, (ulong)end, $"{What}: the bytes from byte {end} to the end of the file belong to no tensor; remove them");
}
