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

    private static int Verify(nint model, Func<byte[]> read, TrainOptionsStruct* options, AuditReportStruct* result)
    {
        using SharedUse<ModelBox> use = ModelExports.Read(model);
        if (result is not null)
        {
            Versioned.Check(result, "out");
        }

        TrainOptions wanted = TrainingExports.Options(Versioned.Read(options, default, "eml_train_options"));
        AuditLog log = AuditLog.Read(read());
        AuditReport report = ModelAudit.Check(log, use.Target.Model, wanted.Cancel, wanted.Progress);
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
