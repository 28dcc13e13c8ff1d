using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using Eml.Language;
using Eml.Numerics;

namespace Eml.Native;

/// <summary>Batches of sequences that a language model reads together.</summary>
internal static unsafe class LanguageBatchExports
{
    [UnmanagedCallersOnly(EntryPoint = "eml_lm_batch_create", CallConvs = [typeof(CallConvCdecl)])]
    public static int Create(nint lm, uint sequences, uint threads, nint* result) => Out.Handle(result, Kind.LanguageBatch, () =>
        new LanguageBatch(LanguageExports.Get(lm).Weights, Arguments.Count(sequences, "sequences"), Arguments.Count(threads, "threads")));

    [UnmanagedCallersOnly(EntryPoint = "eml_lm_batch_free", CallConvs = [typeof(CallConvCdecl)])]
    public static int Free(nint batch) => Failure.Guard(() => Handles.Free(batch, Kind.LanguageBatch));

    [UnmanagedCallersOnly(EntryPoint = "eml_lm_batch_reset", CallConvs = [typeof(CallConvCdecl)])]
    public static int Reset(nint batch, uint sequence) => Failure.Guard(() =>
    {
        using Use<LanguageBatch> use = Write(batch);
        use.Target.Reset(Sequence(use.Target, sequence));
    });

    [UnmanagedCallersOnly(EntryPoint = "eml_lm_batch_position", CallConvs = [typeof(CallConvCdecl)])]
    public static int Position(nint batch, uint sequence, ulong* result) => Failure.Guard(() =>
    {
        Arguments.NotNull(result, "out");
        using SharedUse<LanguageBatch> use = new(batch, Kind.LanguageBatch);
        *result = (ulong)use.Target.Position(Sequence(use.Target, sequence));
    });

    [UnmanagedCallersOnly(EntryPoint = "eml_lm_batch_read", CallConvs = [typeof(CallConvCdecl)])]
    public static int ReadTokens(nint batch, uint sequence, int* tokens, ulong n, float* logits, nint cancel) => Failure.Guard(() =>
    {
        using Use<LanguageBatch> use = Write(batch);
        int which = Sequence(use.Target, sequence);
        int count = LanguageSessionExports.Some(tokens, n);
        Cancel? token = CancelExports.GetOrNull(cancel);
        int vocabulary = use.Target.Weights.Config.VocabularySize;
        Span<float> room = logits is null ? new float[vocabulary] : new Span<float>(logits, vocabulary);
        return Status(use.Target.Read(which, new ReadOnlySpan<int>(tokens, count), room, token));
    });

    [UnmanagedCallersOnly(EntryPoint = "eml_lm_batch_step", CallConvs = [typeof(CallConvCdecl)])]
    public static int Step(nint batch, int* tokens, ulong n, float* logits, nint cancel) => Failure.Guard(() =>
    {
        using Use<LanguageBatch> use = Write(batch);
        Cancel? token = CancelExports.GetOrNull(cancel);
        Span<int> given = Arguments.Array(tokens, n, "tokens");
        // The number of sequences, not of tokens, says how much room the caller has.
        Span<float> room = Arguments.Matrix(logits, (ulong)use.Target.Sequences, (ulong)use.Target.Weights.Config.VocabularySize, "logits");
        return Status(use.Target.Step(given, room, token));
    });

    private static int Status(bool isDone) => isDone ? Failure.Ok : Failure.Stopped(0);

    private static int Sequence(LanguageBatch batch, uint sequence) => sequence < batch.Sequences
        ? (int)sequence
        : throw new EmlException(ErrorCode.Argument, $"sequence is {sequence}; the batch has {batch.Sequences}, from 0 on");

    private static Use<LanguageBatch> Write(nint batch) => new(batch, Kind.LanguageBatch);
}
