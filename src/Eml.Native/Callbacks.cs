using Eml.Formats.Audit;
using Eml.Functions;
using Eml.Numerics;

namespace Eml.Native;

/// <summary>The callbacks in the options of a training.</summary>
internal static unsafe class Callbacks
{
    /// <summary>The progress callback as the engines call it; null for none.</summary>
    public static Func<TrainProgress, int>? Progress(delegate* unmanaged[Cdecl]<ProgressStruct*, void*, int> callback, void* user) =>
        callback is null ? null : progress =>
        {
            var report = new ProgressStruct
            {
                StructSize = (uint)sizeof(ProgressStruct),
                Phase = progress.Phase,
                Step = (ulong)progress.Step,
                Total = (ulong)progress.Total,
                Loss = progress.Loss,
                Evaluations = (ulong)progress.Evaluations,
                Accepted = (ulong)progress.Accepted,
            };
            return callback(&report, user);
        };

    /// <summary>Runs a training whose audit log goes to a file (path may be NULL) and to a callback (may be NULL).</summary>
    public static T Audited<T>(byte* path, ulong pathLen, delegate* unmanaged[Cdecl]<void*, ulong, void*, int> callback, void* user,
        Func<AuditSink, T> train)
    {
        using AuditFile? file = path is null ? null : new AuditFile(Arguments.Path(path, pathLen));
        T result = train(bytes =>
        {
            file?.Append(bytes);
            Hand(bytes, callback, user);
        });
        file?.Flush();
        return result;
    }

    private static void Hand(ReadOnlySpan<byte> bytes, delegate* unmanaged[Cdecl]<void*, ulong, void*, int> callback, void* user)
    {
        if (callback is null)
        {
            return;
        }

        fixed (byte* first = bytes)
        {
            int answer = callback(first, (ulong)bytes.Length, user);
            if (answer != 0)
            {
                throw new EmlException(ErrorCode.Io, $"the callback that takes the audit log returned {answer}; it must return 0 when it has kept the bytes", answer);
            }
        }
    }
}
