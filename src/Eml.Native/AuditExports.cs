using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using Eml.Formats.Audit;
using Eml.Functions;
using Eml.Numerics;

namespace Eml.Native;

/// <summary>Checks of audit logs; they are written by trainings.</summary>
internal static unsafe class AuditExports
{
    [UnmanagedCallersOnly(EntryPoint = "eml_model_verify_audit", CallConvs = [typeof(CallConvCdecl)])]
    public static int Verify(nint model, void* log, ulong len, TrainOptionsStruct* options, AuditReportStruct* result) =>
        Failure.Guard(() => Verify(model, () => Arguments.Array((byte*)log, len, "log").ToArray(), options, result));

    [UnmanagedCallersOnly(EntryPoint = "eml_model_verify_audit_file", CallConvs = [typeof(CallConvCdecl)])]
    public static int VerifyFile(nint model, byte* path, ulong pathLen, TrainOptionsStruct* options, AuditReportStruct* result) =>
        Failure.Guard(() => Verify(model, () => Files.Read(Arguments.Path(path, pathLen)), options, result));

    [UnmanagedCallersOnly(EntryPoint = "eml_attention_verify_audit", CallConvs = [typeof(CallConvCdecl)])]
    public static int VerifyAttention(nint attention, void* log, ulong len, AttentionTrainOptionsStruct* options,
        AuditReportStruct* result) =>
        Failure.Guard(() => Verify(attention, () => Arguments.Array((byte*)log, len, "log").ToArray(), options, result));

    [UnmanagedCallersOnly(EntryPoint = "eml_attention_verify_audit_file", CallConvs = [typeof(CallConvCdecl)])]
    public static int VerifyAttentionFile(nint attention, byte* path, ulong pathLen, AttentionTrainOptionsStruct* options,
        AuditReportStruct* result) =>
        Failure.Guard(() => Verify(attention, () => Files.Read(Arguments.Path(path, pathLen)), options, result));

    private static int Verify(nint model, Func<byte[]> read, TrainOptionsStruct* options, AuditReportStruct* result)
    {
        using SharedUse<ModelBox> use = ModelExports.Read(model);
        EmlModel data = use.Target.Model;
        TrainOptions wanted = TrainingExports.Options(Versioned.Read(options, default, "eml_train_options"));
        return Verify(read, log => ModelAudit.Check(log, data, wanted.Cancel, wanted.Progress), result);
    }

    private static int Verify(nint attention, Func<byte[]> read, AttentionTrainOptionsStruct* options, AuditReportStruct* result)
    {
        using SharedUse<AttentionBox> use = AttentionExports.Read(attention);
        AttentionBox data = use.Target;
        TrainOptions wanted = AttentionTrainingExports.Options(AttentionTrainingExports.Read(options));
        return Verify(read, log => data.Core is { } core
            ? AttentionAudit.Check(log, core, wanted.Cancel, wanted.Progress)
            : AttentionAudit.Check(log, data.Block!, wanted.Cancel, wanted.Progress), result);
    }

    private static int Verify(Func<byte[]> read, Func<AuditLog, AuditReport> check, AuditReportStruct* result)
    {
        if (result is not null)
        {
            Versioned.Check(result, "out");
        }

        AuditLog log = AuditLog.Read(read());
        AuditReport report = check(log);
        if (result is not null)
        {
            AuditEnd end = log.End ?? default;
            Versioned.Write(result, new AuditReportStruct
            {
                Verdict = (int)report.Verdict,
                Record = (ulong)report.Record,
                ByteOffset = report.ByteOffset,
                Records = (ulong)log.Records,
                Moves = (ulong)log.Moves.Count,
                Trials = (ulong)end.Trials,
                Loss = end.Loss,
                Cancelled = end.Cancelled ? 1 : 0,
            }, "out");
        }

        return report.Verdict switch
        {
            AuditVerdict.Ok => Failure.Ok,
            AuditVerdict.Stopped => Failure.Stopped(report.StopValue),
            AuditVerdict.Truncated => throw new EmlException(FormatError.Truncated, report.ByteOffset, report.Message),
            _ => throw new EmlException(FormatError.Value, report.ByteOffset, report.Message),
        };
    }
}
