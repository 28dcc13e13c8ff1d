using Eml.Functions;
using Eml.Numerics;

namespace Eml.Formats.Audit;

/// <summary>
/// Does once more the training that a header describes, and writes its log; <paramref name="stop"/> holds StopAfter, Cancel
/// and Progress, the rest of the options is in the header. One for every kind of thing that is trained.
/// </summary>
public delegate void AuditReplay(AuditHeader header, AuditSink sink, TrainOptions stop);

/// <summary>Checks a log by training again: what is then written must be the same bytes, record by record.</summary>
public static class AuditCheck
{
    /// <summary>
    /// The first thing that is wrong with the log. Cancel and progress (both may be null) can stop the check.
    /// </summary>
    public static AuditReport Run(AuditLog log, AuditReplay replay, Cancel? cancel, Func<TrainProgress, int>? progress)
    {
        if (log.Header is not { } header)
            return log.Report;

        var comparison = new Comparison(log);
        int stopValue = 0;
        var stop = new TrainOptions
        {
            StopAfter = log.End is { Cancelled: true } end ? end.Trials : null,
            Cancel = cancel,
            Progress = p => comparison.IsDone ? 1 : stopValue = progress?.Invoke(p) ?? 0,
        };
        try
        {
            replay(header, comparison.Take, stop);
        }
        catch (EmlException e) when (e.Code == ErrorCode.Format)
        {
            return log.At(AuditVerdict.Malformed, 0, e.Message);
        }

        return !comparison.IsDone && (stopValue != 0 || cancel?.IsSet == true)
            ? new AuditReport(AuditVerdict.Stopped, 0, 0, "audit log: the check was stopped", stopValue)
            : comparison.Report();
    }

    /// <summary>Takes the records that are written and compares them with those of the log.</summary>
    private sealed class Comparison(AuditLog log)
    {
        private readonly int _chained = log.Report.Verdict is AuditVerdict.Ok or AuditVerdict.Truncated
            ? log.Records
            : log.Report.Record;

        private AuditReport? _found;
        private int _next;

        /// <summary>What comes is of no interest any more.</summary>
        public bool IsDone => _found is not null || _next >= _chained + (log.IsBroken ? 1 : 0);

        public void Take(ReadOnlySpan<byte> bytes)
        {
            if (IsDone)
                return;

            AuditFrame frame = AuditFrame.Split(bytes, out _)[0];
            ReadOnlySpan<byte> written = bytes.Slice(frame.Start, frame.Length), logged = log.Record(_next);
            if (_next == _chained)
            {
                _found = logged[AuditFrame.HashFieldLength..].SequenceEqual(written[AuditFrame.HashFieldLength..])
                    ? log.At(AuditVerdict.Changed, _next, "the hash in it was changed")
                    : log.At(AuditVerdict.Missing, _next, "one or more records are missing in front of it");
            }
            else if (!logged.SequenceEqual(written))
            {
                // A record that its successor names is as its writer made it.
                _found = log.IsBroken && _next == _chained - 1
                    ? log.At(AuditVerdict.Changed, _next, "it was changed")
                    : log.At(AuditVerdict.Differs, _next, "training again gives another record");
            }

            _next++;
        }

        /// <summary>The outcome; the training is over.</summary>
        public AuditReport Report()
        {
            if (_found is not null)
                return _found;
            if (_next < _chained)
                return log.At(AuditVerdict.Differs, _next, "training again ends before it");
            return log.Report;
        }
    }
}
