using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using Eml.Language;
using Eml.Numerics;

namespace Eml.Native;

/// <summary>Sessions of language models.</summary>
internal static unsafe class LanguageSessionExports
{
    [UnmanagedCallersOnly(EntryPoint = "eml_lm_session_create", CallConvs = [typeof(CallConvCdecl)])]
    public static int Create(nint lm, uint threads, nint* result) => Out.Handle(result, Kind.LanguageSession,
        () => new LanguageSessionBox(LanguageExports.Get(lm), Arguments.Count(threads, "threads")));

    [UnmanagedCallersOnly(EntryPoint = "eml_lm_session_free", CallConvs = [typeof(CallConvCdecl)])]
    public static int Free(nint session) => Failure.Guard(() => Handles.Free(session, Kind.LanguageSession));

    [UnmanagedCallersOnly(EntryPoint = "eml_lm_session_reset", CallConvs = [typeof(CallConvCdecl)])]
    public static int Reset(nint session) => Failure.Guard(() =>
    {
        using Use<LanguageSessionBox> use = Write(session);
        use.Target.Session.Reset();
    });

    [UnmanagedCallersOnly(EntryPoint = "eml_lm_session_get_info", CallConvs = [typeof(CallConvCdecl)])]
    public static int GetInfo(nint session, LanguageSessionInfoStruct* result) => Failure.Guard(() =>
    {
        using SharedUse<LanguageSessionBox> use = Read(session);
        LanguageSession s = use.Target.Session;
        Versioned.Write(result, new LanguageSessionInfoStruct { Threads = (uint)s.Threads, Position = (ulong)s.Position, Bytes = (ulong)s.Bytes }, "out");
    });

    [UnmanagedCallersOnly(EntryPoint = "eml_lm_session_read", CallConvs = [typeof(CallConvCdecl)])]
    public static int ReadTokens(nint session, int* tokens, ulong n, float* logits, nint cancel) => Failure.Guard(() =>
    {
        using Use<LanguageSessionBox> use = Write(session);
        LanguageSession s = use.Target.Session;
        int count = Some(tokens, n);
        int room = logits is null ? 0 : s.Weights.Config.VocabularySize;
        return use.Target.Run(CancelExports.GetOrNull(cancel), token =>
            s.Read(new ReadOnlySpan<int>(tokens, count), new Span<float>(logits, room), token));
    });

    [UnmanagedCallersOnly(EntryPoint = "eml_lm_session_read_all", CallConvs = [typeof(CallConvCdecl)])]
    public static int ReadAll(nint session, int* tokens, ulong n, float* logits, nint cancel) => Failure.Guard(() =>
    {
        using Use<LanguageSessionBox> use = Write(session);
        LanguageSession s = use.Target.Session;
        int count = Some(tokens, n);
        int room = Arguments.Matrix(logits, n, (ulong)s.Weights.Config.VocabularySize, "logits").Length;
        return use.Target.Run(CancelExports.GetOrNull(cancel), token =>
            s.ReadAll(new ReadOnlySpan<int>(tokens, count), new Span<float>(logits, room), token));
    });

    [UnmanagedCallersOnly(EntryPoint = "eml_lm_session_embed", CallConvs = [typeof(CallConvCdecl)])]
    public static int Embed(nint session, int* tokens, ulong n, float* result, nint cancel) => Failure.Guard(() =>
    {
        using Use<LanguageSessionBox> use = Write(session);
        LanguageSession s = use.Target.Session;
        int count = Some(tokens, n);
        int room = Arguments.Matrix(result, n, (ulong)s.Weights.Config.ModelWidth, "out").Length;
        return use.Target.Run(CancelExports.GetOrNull(cancel), token =>
            s.Embed(new ReadOnlySpan<int>(tokens, count), new Span<float>(result, room), token));
    });

    [UnmanagedCallersOnly(EntryPoint = "eml_lm_session_set_listener", CallConvs = [typeof(CallConvCdecl)])]
    public static int SetListener(nint session, delegate* unmanaged[Cdecl]<byte*, float*, ulong, ulong, void*, int> listener, void* user) => Failure.Guard(() =>
    {
        using Use<LanguageSessionBox> use = Write(session);
        use.Target.SetListener(listener, user);
    });

    [UnmanagedCallersOnly(EntryPoint = "eml_lm_generate_options_init", CallConvs = [typeof(CallConvCdecl)])]
    public static int GenerateOptionsInit(GenerateOptionsStruct* options, uint size) =>
        Failure.Guard(() => Versioned.Initialise(options, GenerateDefaults(), size, "options"));

    [UnmanagedCallersOnly(EntryPoint = "eml_lm_session_generate", CallConvs = [typeof(CallConvCdecl)])]
    public static int Generate(nint session, int* prompt, ulong n, GenerateOptionsStruct* options, GenerationStruct* result) => Failure.Guard(() =>
    {
        using Use<LanguageSessionBox> use = Write(session);
        GenerateOptionsStruct o = Options(options, result);
        return use.Target.Generate(Arguments.Array(prompt, n, "prompt"), o, result);
    });

    [UnmanagedCallersOnly(EntryPoint = "eml_lm_session_generate_text", CallConvs = [typeof(CallConvCdecl)])]
    public static int GenerateText(nint session, byte* prompt, ulong len, GenerateOptionsStruct* options, GenerationStruct* result) => Failure.Guard(() =>
    {
        using Use<LanguageSessionBox> use = Write(session);
        GenerateOptionsStruct o = Options(options, result);
        Tokenizer tokenizer = use.Target.Model.NeedTokenizer();
        var tokens = new List<int>();
        if (use.Target.Session.Position == 0 && tokenizer.BosId is { } bos)
        {
            tokens.Add(bos);
        }

        tokenizer.Encode(Arguments.Utf8(prompt, len, "prompt"), tokens, o.Special == 1);
        return use.Target.Generate(CollectionsMarshal.AsSpan(tokens), o, result);
    });

    [UnmanagedCallersOnly(EntryPoint = "eml_lm_session_tokens", CallConvs = [typeof(CallConvCdecl)])]
    public static int Tokens(nint session, int* tokens, ulong cap, ulong* need) => Failure.Guard(() =>
    {
        using SharedUse<LanguageSessionBox> use = Read(session);
        Arguments.OutTokens(use.Target.Tokens, tokens, cap, need);
    });

    [UnmanagedCallersOnly(EntryPoint = "eml_lm_session_text", CallConvs = [typeof(CallConvCdecl)])]
    public static int Text(nint session, byte* buf, ulong cap, ulong* need) => Failure.Guard(() =>
    {
        using SharedUse<LanguageSessionBox> use = Read(session);
        Arguments.OutText(use.Target.Text, buf, cap, need);
    });

    [UnmanagedCallersOnly(EntryPoint = "eml_lm_session_evaluate", CallConvs = [typeof(CallConvCdecl)])]
    public static int Evaluate(nint session, int* tokens, ulong n, int bos, int* byteLengths, nint cancel, ScoreStruct* result) => Failure.Guard(() =>
    {
        using Use<LanguageSessionBox> use = Write(session);
        int vocabulary = use.Target.Session.Weights.Config.VocabularySize;
        int[] lengths = byteLengths is null ? [] : new ReadOnlySpan<int>(byteLengths, vocabulary).ToArray();
        int negative = Array.FindIndex(lengths, length => length < 0);
        if (negative >= 0)
        {
            throw new EmlException(ErrorCode.Argument, $"byte_lengths[{negative}] is {lengths[negative]}; a token counts 0 bytes or more");
        }

        return Evaluate(use.Target, Arguments.Array(tokens, n, "tokens").ToArray(), bos, lengths, cancel, result);
    });

    [UnmanagedCallersOnly(EntryPoint = "eml_lm_session_evaluate_text", CallConvs = [typeof(CallConvCdecl)])]
    public static int EvaluateText(nint session, byte* text, ulong len, int counting, nint cancel, ScoreStruct* result) => Failure.Guard(() =>
    {
        using Use<LanguageSessionBox> use = Write(session);
        Tokenizer tokenizer = use.Target.Model.NeedTokenizer();
        int bos = tokenizer.BosId ?? throw new EmlException(ErrorCode.State,
            "the model's tokenizer has no token that begins documents; encode the text and give another to eml_lm_session_evaluate");
        int[] lengths = TokenizerExports.ByteLengths(tokenizer, counting).ToArray();
        return Evaluate(use.Target, tokenizer.Encode(Arguments.Utf8(text, len, "text")), bos, lengths, cancel, result);
    });

    private static int Evaluate(LanguageSessionBox box, int[] tokens, int bos, int[] lengths, nint cancel, ScoreStruct* result)
    {
        Arguments.NotNull(result, "out");
        Versioned.Check(result, "out");
        TextScore? score = null;
        int status = box.Run(CancelExports.GetOrNull(cancel), token =>
        {
            score = TextEvaluation.Measure(box.Session, tokens, bos, lengths, null, token);
            return score.Tokens == tokens.Length;
        });
        Versioned.Write(result, new ScoreStruct
        {
            BitsPerByte = score!.BitsPerByte,
            MeanLoss = score.MeanLoss,
            Nats = score.Nats,
            Bytes = (ulong)score.Bytes,
            Tokens = (ulong)score.Tokens,
        }, "out");
        return status;
    }

    private static GenerateOptionsStruct Options(GenerateOptionsStruct* options, GenerationStruct* result)
    {
        GenerateOptionsStruct o = Versioned.Read(options, GenerateDefaults(), "eml_lm_generate_options");
        if (o.Special is not (0 or 1))
        {
            throw new EmlException(ErrorCode.Argument, $"options.special is {o.Special}; use 0 or 1");
        }

        if (result is not null)
        {
            Versioned.Check(result, "out");
        }

        return o;
    }

    private static GenerateOptionsStruct GenerateDefaults()
    {
        var options = new GenerationOptions();
        SamplerOptions sampler = options.Sampler;
        return new GenerateOptionsStruct
        {
            MaxTokens = (uint)options.MaxTokens,
            Temperature = sampler.Temperature,
            TopP = sampler.TopP,
            MinP = sampler.MinP,
            RepetitionPenalty = sampler.RepetitionPenalty,
            TopK = (uint)sampler.TopK,
            Seed = sampler.Seed,
        };
    }

    /// <summary>Number of tokens, of which there must be one.</summary>
    internal static int Some(int* tokens, ulong n) => n == 0
        ? throw new EmlException(ErrorCode.Argument, "there are no tokens to read; give at least one")
        : Arguments.Array(tokens, n, "tokens").Length;

    private static Use<LanguageSessionBox> Write(nint session) => new(session, Kind.LanguageSession);

    private static SharedUse<LanguageSessionBox> Read(nint session) => new(session, Kind.LanguageSession);
}
