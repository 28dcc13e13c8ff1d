using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using Eml.Formats;
using Eml.Language;
using Eml.Numerics;

namespace Eml.Native;

/// <summary>Tokenizers.</summary>
internal static unsafe class TokenizerExports
{
    private const int Raw = 0;
    private const int Reference = 1;

    [UnmanagedCallersOnly(EntryPoint = "eml_tokenizer_import", CallConvs = [typeof(CallConvCdecl)])]
    public static int Import(void* bytes, ulong len, nint* result) => Out.Handle(result, Kind.Tokenizer,
        () => TokenizerFile.Read(Arguments.Array((byte*)bytes, len, "bytes")));

    [UnmanagedCallersOnly(EntryPoint = "eml_tokenizer_load", CallConvs = [typeof(CallConvCdecl)])]
    public static int Load(byte* path, ulong pathLen, nint* result) => Out.Handle(result, Kind.Tokenizer, () =>
    {
        string file = Arguments.Path(path, pathLen);
        Tokenizer tokenizer = TokenizerFile.Load(file);
        Log.Write(Log.Info, $"loaded {file}");
        return tokenizer;
    });

    [UnmanagedCallersOnly(EntryPoint = "eml_tokenizer_train", CallConvs = [typeof(CallConvCdecl)])]
    public static int Train(TextStruct* documents, ulong count, ulong merges, TextStruct* special, ulong specialCount, nint cancel, nint* result)
    {
        bool isStopped = false;
        int status = Out.Handle(result, Kind.Tokenizer, () =>
        {
            Cancel? token = CancelExports.GetOrNull(cancel);
            string[] names = Arguments.Texts(special, specialCount, "special");
            var trainer = new TokenizerTrainer();
            Span<TextStruct> texts = Arguments.Array(documents, count, "documents");
            for (int i = 0; i < texts.Length && token is not { IsSet: true }; i++)
            {
                trainer.Add(Arguments.Utf8(texts[i].Text, texts[i].Length, $"documents[{i}]"));
            }

            TokenizerMerge[] found = trainer.FindMerges(Arguments.Count(merges, "merges"), null, token);
            isStopped = token is { IsSet: true };
            return TokenizerTrainer.Make(found, names);
        });
        return status == Failure.Ok && isStopped ? Failure.Stopped(0) : status;
    }

    [UnmanagedCallersOnly(EntryPoint = "eml_tokenizer_free", CallConvs = [typeof(CallConvCdecl)])]
    public static int Free(nint tokenizer) => Failure.Guard(() => Handles.Free(tokenizer, Kind.Tokenizer));

    [UnmanagedCallersOnly(EntryPoint = "eml_tokenizer_export", CallConvs = [typeof(CallConvCdecl)])]
    public static int Export(nint tokenizer, int format, void* buf, ulong cap, ulong* need) => Failure.Guard(() =>
        Arguments.Out(TokenizerFile.Write(Get(tokenizer), Format(format)), buf, cap, need));

    [UnmanagedCallersOnly(EntryPoint = "eml_tokenizer_save", CallConvs = [typeof(CallConvCdecl)])]
    public static int Save(nint tokenizer, byte* path, ulong pathLen, int format) => Failure.Guard(() =>
    {
        Tokenizer target = Get(tokenizer);
        string file = Arguments.Path(path, pathLen);
        AtomicFile.Write(file, TokenizerFile.Write(target, format == (int)FileFormat.Auto ? TokenizerFile.FromPath(file) : Format(format)));
        Log.Write(Log.Info, $"saved {file}");
    });

    [UnmanagedCallersOnly(EntryPoint = "eml_tokenizer_get_info", CallConvs = [typeof(CallConvCdecl)])]
    public static int GetInfo(nint tokenizer, TokenizerInfoStruct* result) => Failure.Guard(() =>
    {
        Tokenizer target = Get(tokenizer);
        Versioned.Write(result, new TokenizerInfoStruct
        {
            VocabularySize = (uint)target.VocabularySize,
            RankCount = (uint)target.RankCount,
            BosId = target.BosId ?? -1,
        }, "out");
    });

    [UnmanagedCallersOnly(EntryPoint = "eml_tokenizer_encode", CallConvs = [typeof(CallConvCdecl)])]
    public static int Encode(nint tokenizer, byte* text, ulong len, uint flags, int* ids, ulong cap, ulong* need) => Failure.Guard(() =>
        Arguments.OutTokens(Get(tokenizer).Encode(Arguments.Utf8(text, len, "text"), IsSpecial(flags)), ids, cap, need));

    [UnmanagedCallersOnly(EntryPoint = "eml_tokenizer_encode_buffer", CallConvs = [typeof(CallConvCdecl)])]
    public static int EncodeBuffer(nint tokenizer, byte* text, ulong len, uint flags, nint* result) => Out.Handle(result, Kind.Buffer,
        () => new NativeBuffer(MemoryMarshal.AsBytes(Get(tokenizer).Encode(Arguments.Utf8(text, len, "text"), IsSpecial(flags)).AsSpan())));

    [UnmanagedCallersOnly(EntryPoint = "eml_tokenizer_decode", CallConvs = [typeof(CallConvCdecl)])]
    public static int Decode(nint tokenizer, int* ids, ulong n, byte* buf, ulong cap, ulong* need) => Failure.Guard(() =>
        Arguments.OutText(Get(tokenizer).Decode(Arguments.Array(ids, n, "ids")), buf, cap, need));

    [UnmanagedCallersOnly(EntryPoint = "eml_tokenizer_decode_bytes", CallConvs = [typeof(CallConvCdecl)])]
    public static int DecodeBytes(nint tokenizer, int* ids, ulong n, void* buf, ulong cap, ulong* need) => Failure.Guard(() =>
        Arguments.Out(Get(tokenizer).DecodeBytes(Arguments.Array(ids, n, "ids")), buf, cap, need));

    [UnmanagedCallersOnly(EntryPoint = "eml_tokenizer_special", CallConvs = [typeof(CallConvCdecl)])]
    public static int Special(nint tokenizer, byte* name, ulong len, int* result) => Failure.Guard(() =>
    {
        Arguments.NotNull(result, "out");
        *result = Get(tokenizer).FindSpecial(Arguments.Text(name, len, "name")) ?? -1;
    });

    [UnmanagedCallersOnly(EntryPoint = "eml_tokenizer_byte_lengths", CallConvs = [typeof(CallConvCdecl)])]
    public static int ByteLengths(nint tokenizer, int counting, int* result, ulong n) => Failure.Guard(() =>
    {
        ReadOnlySpan<int> lengths = ByteLengths(Get(tokenizer), counting);
        if (n != (ulong)lengths.Length)
        {
            throw new EmlException(ErrorCode.Shape, $"out has room for {n} lengths; the tokenizer has {lengths.Length} tokens: give one for each");
        }

        lengths.CopyTo(Arguments.Array(result, n, "out"));
    });

    [UnmanagedCallersOnly(EntryPoint = "eml_token_stream_create", CallConvs = [typeof(CallConvCdecl)])]
    public static int CreateStream(nint tokenizer, nint* result) => Out.Handle(result, Kind.TokenStream,
        () => new TokenStreamBox(Get(tokenizer)));

    [UnmanagedCallersOnly(EntryPoint = "eml_token_stream_free", CallConvs = [typeof(CallConvCdecl)])]
    public static int FreeStream(nint stream) => Failure.Guard(() => Handles.Free(stream, Kind.TokenStream));

    [UnmanagedCallersOnly(EntryPoint = "eml_token_stream_push", CallConvs = [typeof(CallConvCdecl)])]
    public static int Push(nint stream, int id, byte** text, ulong* len) => Stream(stream, text, len, decoder => decoder.Push(id));

    [UnmanagedCallersOnly(EntryPoint = "eml_token_stream_flush", CallConvs = [typeof(CallConvCdecl)])]
    public static int Flush(nint stream, byte** text, ulong* len) => Stream(stream, text, len, decoder => decoder.Flush());

    /// <summary>The tokenizer itself, which is immutable: work that holds it goes on safely when its handle is freed.</summary>
    internal static Tokenizer Get(nint tokenizer) => Handles.Get<Tokenizer>(tokenizer, Kind.Tokenizer);

    /// <summary>Bytes that each token counts, EML_BYTES_….</summary>
    internal static ReadOnlySpan<int> ByteLengths(Tokenizer tokenizer, int counting) => counting switch
    {
        Raw => tokenizer.RawByteLengths,
        Reference => tokenizer.ReferenceByteLengths,
        _ => throw new EmlException(ErrorCode.Argument, $"counting is {counting}; use EML_BYTES_RAW (0) or EML_BYTES_REFERENCE (1)"),
    };

    private static int Stream(nint stream, byte** text, ulong* len, Func<StreamDecoder, string> work) => Failure.Guard(() =>
    {
        Arguments.NotNull(text, "text");
        Arguments.NotNull(len, "len");
        using Use<TokenStreamBox> use = new(stream, Kind.TokenStream);
        ReadOnlySpan<byte> answer = use.Target.Keep(work(use.Target.Decoder));
        *text = use.Target.Text;
        *len = (ulong)answer.Length;
    });

    private static bool IsSpecial(uint flags) => flags switch
    {
        0 => false,
        1 => true,
        _ => throw new EmlException(ErrorCode.Argument, $"flags 0x{flags:x}: only EML_TOKENIZER_SPECIAL (1) is known"),
    };

    private static TokenizerFormat Format(int format) => format switch
    {
        (int)FileFormat.Json => TokenizerFormat.Json,
        Files.Tiktoken => TokenizerFormat.Tiktoken,
        _ => throw new EmlException(ErrorCode.Unsupported,
            $"format {format} is no format of tokenizers; use EML_FORMAT_JSON (1) or EML_FORMAT_TIKTOKEN ({Files.Tiktoken})"),
    };
}

/// <summary>A stream decoder behind a handle, with its last answer where C can read it.</summary>
internal sealed unsafe class TokenStreamBox(Tokenizer tokenizer)
{
    private byte[] _text = Failure.Pin("");

    public StreamDecoder Decoder { get; } = new(tokenizer);

    /// <summary>What was kept last; it lives until the next is.</summary>
    public byte* Text => LibraryExports.Address(_text);

    /// <summary>Keeps a text; gives its UTF-8 without the NUL behind it.</summary>
    public ReadOnlySpan<byte> Keep(string text)
    {
        _text = Failure.Pin(text);
        return _text.AsSpan(0, _text.Length - 1);
    }
}
