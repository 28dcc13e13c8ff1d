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
    private const int First = 1; // the record behind the start

    /// <summary>
    /// The first thing that is wrong with the log of a training of one of <paramref name="kinds"/>, given the hash of the data
    /// that are there. Cancel and progress (both may be null) can stop the check.
    /// </summary>
    public static AuditReport Run(AuditLog log, ReadOnlySpan<string> kinds, ReadOnlySpan<byte> dataHash, AuditReplay replay,
        Cancel? cancel, Func<TrainProgress, int>? progress)
    {
        if (log.Header is not { } header)
            return log.Report;

        // The record behind the start does not name it: what the start says may be what was changed.
        bool isStartSuspect = log.IsBroken && log.Report.Record == First;
        if (!kinds.Contains(header.Kind))
            return isStartSuspect ? log.At(AuditVerdict.Changed, 0, "it was changed") : throw OtherKind(header, kinds[0]);
        if (!header.DataHash.AsSpan().SequenceEqual(dataHash) && !isStartSuspect)
            return log.At(AuditVerdict.OtherData, 0, "the data are not those that the training had: their hash is another");

        return Run(log, replay, cancel, progress);
    }

    /// <summary>The refusal of a log of something else.</summary>
    internal static EmlException OtherKind(AuditHeader header, string wanted) => new(FormatError.Kind, 0,
        $"audit log of a training of {StrictJson.Quoted(header.Kind)}, not of {StrictJson.Quoted(wanted)}; check it as what it is");

    /// <summary>
    /// The first thing that is wrong with the log. Cancel and progress (both may be null) can stop the check.
    /// </summary>
    public static AuditReport Run(AuditLog log, AuditReplay replay, Cancel? cancel, Func<TrainProgress, int>? progress)
    {
        if (log.Header is not { } header)
            return log.Report;

        int stopValue = 0;
        var comparison = new Comparison(log, () => stopValue != 0 || cancel?.IsSet == true);
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

        return comparison.WasStopped
            ? new AuditReport(AuditVerdict.Stopped, 0, 0, "audit log: the check was stopped", stopValue)
            : comparison.Report();
    }

    /// <summary>Takes the records that are written and compares them with those of the log.</summary>
    private sealed class Comparison(AuditLog log, Func<bool> isStopped)
    {
        private readonly int _chained = log.Report.Verdict is AuditVerdict.Ok or AuditVerdict.Truncated
            ? log.Records
            : log.Report.Record;

        private AuditReport? _found;
        private bool _isPast; // what is written is behind the record that nothing led to
        private int _next;

        /// <summary>What comes is of no interest any more.</summary>
        public bool IsDone => _found is not null || _isPast || (_next >= _chained && !log.IsBroken);

        /// <summary>The caller stopped the check before it was done; what the training wrote from then on means nothing.</summary>
        public bool WasStopped { get; private set; }

        public void Take(ReadOnlySpan<byte> bytes)
        {
            WasStopped |= !IsDone && isStopped();
            if (IsDone || WasStopped)
                return;

            AuditFrame frame = AuditFrame.Split(bytes, out _)[0];
            ReadOnlySpan<byte> written = bytes.Slice(frame.Start, frame.Length), logged = log.Record(Math.Min(_next, _chained));
            if (_next >= _chained)
            {
                Explain(logged[AuditFrame.HashFieldLength..].SequenceEqual(written[AuditFrame.HashFieldLength..]));
                // A changed start may ask for a training without end.
                _isPast = Step(written) > Step(logged);
            }
            else if (!logged.SequenceEqual(written))
            {
                // A record that its successor names is as its writer made it.
                _found = log.IsNamed(_next)
                    ? log.At(AuditVerdict.Differs, _next, "training again gives another record")
                    : log.At(AuditVerdict.Changed, _next, "it was changed");
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
            return log.IsBroken && _chained == First ? log.At(AuditVerdict.Changed, 0, "it was changed") : log.Report;
        }

        /// <summary>The trial of a record; that of bytes that hold no change comes after all others.</summary>
        private static ulong Step(ReadOnlySpan<byte> record)
        {
            try
            {
                return ModelProtobuf.Parse(Proto.AuditRecord.Parser, record, "eml.v1.AuditRecord").Move?.Step ?? ulong.MaxValue;
            }
            catch (EmlException)
            {
                return ulong.MaxValue;
            }
        }

        /// <summary>The chain is broken at a record; is what training again has just written the rest of it?</summary>
        private void Explain(bool isSame)
        {
            if (!isSame)
            {
                // All before was compared; but a start, being all that is trained from, agrees with itself whatever it says.
                if (_chained != First)
                    _found = log.At(AuditVerdict.Missing, _chained, "one or more records are missing in front of it");
            }
            else if (_next > _chained)
            {
                _found = log.At(AuditVerdict.Missing, _chained, "one or more records are missing in front of it");
            }
            else
            {
                _found = _chained == First && log.IsNamed(First)
                    ? log.At(AuditVerdict.Changed, 0, "it was changed")
                    : log.At(AuditVerdict.Changed, _chained, "the hash in it was changed");
            }
        }
    }
}
