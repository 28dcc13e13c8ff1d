using System.Globalization;
using System.Runtime.InteropServices;
using Eml.Numerics;

namespace Eml.Formats.Audit;

/// <summary>A kept change, in short.</summary>
/// <param name="Step">The trial.</param>
/// <param name="Changed">How many numbers it changed.</param>
/// <param name="Loss">The loss afterwards.</param>
public readonly record struct AuditPoint(long Step, int Changed, double Loss);

/// <summary>
/// A log as its bytes tell it, without training again: whether the chain of hashes holds, every record can stand where it
/// stands, and every change begins where the one before ended.
/// </summary>
public sealed class AuditLog
{
    private readonly ReadOnlyMemory<byte> _bytes;
    private readonly List<AuditFrame> _frames;
    private readonly List<AuditPoint> _moves = [];
    private readonly Dictionary<uint, double> _own = []; // numbers of the training's own, by index
    private double[] _parameters = [];

    private AuditLog(ReadOnlyMemory<byte> bytes)
    {
        _bytes = bytes;
        _frames = AuditFrame.Split(bytes.Span, out string? broken);
        Report = Walk(broken);
    }

    /// <summary>What the first record says; null if that cannot be read.</summary>
    public AuditHeader? Header { get; private set; }

    /// <summary>The changes up to the first fault.</summary>
    public IReadOnlyList<AuditPoint> Moves => _moves;

    /// <summary>How the training ended; null if that was not read.</summary>
    public AuditEnd? End { get; private set; }

    /// <summary>The hash that covers the whole log; empty if the log is not whole.</summary>
    public ReadOnlyMemory<byte> FinalHash { get; private set; }

    /// <summary>The parameters after the last change that was read.</summary>
    public ReadOnlySpan<double> Parameters => _parameters;

    /// <summary>Whole records, the wrong ones included.</summary>
    public int Records => _frames.Count;

    /// <summary>What is wrong, as far as the log itself tells.</summary>
    public AuditReport Report { get; }

    /// <summary>
    /// The hash in the record of the report is that of no record: it or the one before was changed, or some are missing.
    /// </summary>
    internal bool IsBroken { get; private set; }

    /// <summary>How the training ended if a record at or behind the first fault says so; not to be trusted.</summary>
    internal AuditEnd? LaterEnd
    {
        get
        {
            for (int i = Records - 1; i >= Report.Record; i--)
            {
                try
                {
                    if (ModelProtobuf.Parse(Proto.AuditRecord.Parser, Record(i), "eml.v1.AuditRecord").End is { Trials: <= long.MaxValue } end)
                        return new AuditEnd(end.Cancelled, (long)end.Trials, end.Loss);
                }
                catch (EmlException)
                {
                    // No record at all.
                }
            }

            return null;
        }
    }

    /// <summary>Reads a log; what is wrong with it is in <see cref="Report"/>.</summary>
    public static AuditLog Read(ReadOnlyMemory<byte> bytes) => new(bytes);

    /// <summary>The bytes of a record, without its length.</summary>
    internal ReadOnlySpan<byte> Record(int index) => _bytes.Span.Slice(_frames[index].Start, _frames[index].Length);

    /// <summary>Whether the record behind this one names it, so that it is as it was written.</summary>
    internal bool IsNamed(int index) => index + 1 < Records && AuditFrame.HasHash(Record(index + 1)) &&
        AuditFrame.Hash(Record(index + 1)).SequenceEqual(Sha256.Of(Record(index)));

    /// <summary>A finding at a record.</summary>
    internal AuditReport At(AuditVerdict verdict, int record, string what)
    {
        ulong offset = (ulong)(record < _frames.Count ? _frames[record].Offset : _frames.Count == 0 ? 0 : _frames[^1].End);
        return new AuditReport(verdict, record, offset,
            string.Create(CultureInfo.InvariantCulture, $"audit log: record {record}, at byte {offset}: {what}"));
    }

    private AuditReport Walk(string? broken)
    {
        byte[][] hashes = [.. Enumerable.Range(0, Records).Select(i => Sha256.Of(Record(i)))];
        for (int i = 0; i < Records; i++)
        {
            if ((FinalHash.IsEmpty ? CheckChain(i, hashes) ?? CheckContent(i) : CheckChain(i, hashes) ?? Behind(i)) is { } fault)
                return fault;
        }

        if (broken is not null)
            return At(AuditVerdict.Malformed, Records, broken);
        if (!FinalHash.IsEmpty)
        {
            return _frames[^1].End == _bytes.Length
                ? new AuditReport(AuditVerdict.Ok, Records, (ulong)_bytes.Length, $"audit log: {Records} records, a whole chain")
                : Behind(Records);
        }

        return At(AuditVerdict.Truncated, Records, Records == 0
            ? "the log is cut off before its first record ends"
            : $"the log is cut off; the {Records} records before this place are whole");
    }

    private AuditReport Behind(int record) => At(AuditVerdict.Malformed, record, "bytes behind the final hash");

    /// <summary>Does the record name the one before? If not, where does it belong?</summary>
    private AuditReport? CheckChain(int i, byte[][] hashes)
    {
        if (!AuditFrame.HasHash(Record(i)))
            return At(AuditVerdict.Malformed, i, "it does not begin with a hash");

        ReadOnlySpan<byte> previous = AuditFrame.Hash(Record(i));
        if (previous.SequenceEqual(i == 0 ? new byte[Sha256.Size] : hashes[i - 1]))
            return null;

        // First record: 32 zeros.
        int before = previous.ContainsAnyExcept((byte)0) ? IndexOf(hashes, previous) : -1;
        bool isKnown = before >= 0 || !previous.ContainsAnyExcept((byte)0);
        for (int j = 0; j < i; j++)
        {
            if (Record(j).SequenceEqual(Record(i)))
                return At(AuditVerdict.Doubled, i, $"it is record {j} once more");
        }

        if (isKnown)
            return At(AuditVerdict.Reordered, i, $"it belongs behind {(before < 0 ? "nothing" : $"record {before}")}, not here");
        IsBroken = true;
        return At(AuditVerdict.Changed, i, i == 0
            ? "it names a record before it, but is the first: it was changed, or others before it are missing"
            : $"it does not name record {i - 1}: that record or this hash was changed, or others between them are missing");
    }

    private static int IndexOf(byte[][] hashes, ReadOnlySpan<byte> hash)
    {
        for (int i = 0; i < hashes.Length; i++)
        {
            if (hash.SequenceEqual(hashes[i]))
                return i;
        }

        return -1;
    }

    private AuditReport? CheckContent(int i)
    {
        Proto.AuditRecord record;
        try
        {
            record = ModelProtobuf.Parse(Proto.AuditRecord.Parser, Record(i), "eml.v1.AuditRecord");
        }
        catch (EmlException)
        {
            return At(AuditVerdict.Malformed, i, "it is no message eml.v1.AuditRecord");
        }

        string? fault = record.KindCase switch
        {
            Proto.AuditRecord.KindOneofCase.Start => i == 0 ? ReadStart(record.Start) : "a second start",
            _ when i == 0 => "the first record must be the start",
            Proto.AuditRecord.KindOneofCase.Move => End is null ? ReadMove(record.Move) : "a change behind the end",
            Proto.AuditRecord.KindOneofCase.End => End is null ? ReadEnd(record.End) : "a second end",
            _ => End is null ? "it holds neither a change nor the end" : null,
        };
        if (fault is not null)
            return At(AuditVerdict.Malformed, i, fault);

        if (record.KindCase == Proto.AuditRecord.KindOneofCase.None)
        {
            if (Record(i).Length != AuditFrame.HashFieldLength)
                return At(AuditVerdict.Malformed, i, "the last record must hold nothing but the final hash");
            FinalHash = record.Previous.Memory;
        }

        return null;
    }

    private string? ReadStart(Proto.AuditStart start)
    {
        if (start.Version != AuditWriter.Version)
            return $"version {start.Version}; this library knows version {AuditWriter.Version}; use the libeml that wrote it";
        if (start.DataHash.Length != Sha256.Size)
            return $"the data's hash has {start.DataHash.Length} bytes, not {Sha256.Size}";

        _parameters = [.. start.Parameters];
        if (!start.ParametersHash.Span.SequenceEqual(Sha256.Of(_parameters)))
            return "the parameters' hash is not that of the parameters";
        Header = new AuditHeader(start.Kind, start.Configuration.ToByteArray(), start.Seed, start.DataHash.ToByteArray(),
            [.. _parameters]);
        return null;
    }

    private string? ReadMove(Proto.AuditMove move)
    {
        int count = move.Indices.Count;
        if (count == 0 || move.Before.Count != count || move.After.Count != count || !move.HasLoss)
            return $"{count} indices, {move.Before.Count} old and {move.After.Count} new values; there must be one of each, and a loss";
        if (move.Step > long.MaxValue || (long)move.Step <= (_moves.Count == 0 ? 0 : _moves[^1].Step))
            return $"step {move.Step} is not larger than that of the change before";

        for (int k = 0; k < count; k++)
        {
            uint index = move.Indices[k];
            if (index > int.MaxValue || (k > 0 && index <= move.Indices[k - 1]))
                return $"index {index} is out of order";

            bool isParameter = index < (uint)_parameters.Length;
            double now = isParameter ? _parameters[index] : _own.GetValueOrDefault(index, move.Before[k]);
            if (BitConverter.DoubleToInt64Bits(now) != BitConverter.DoubleToInt64Bits(move.Before[k]))
                return $"the old value of parameter {index} is not the one that it had";
            if (isParameter)
                _parameters[index] = move.After[k];
            else
                _own[index] = move.After[k];
        }

        _moves.Add(new AuditPoint((long)move.Step, count, move.Loss));
        return null;
    }

    private string? ReadEnd(Proto.AuditEnd end)
    {
        if (!end.HasLoss || end.Trials > long.MaxValue)
            return "an end without a loss, or with an impossible number of trials";
        if (!end.ParametersHash.Span.SequenceEqual(Sha256.Of(_parameters)))
            return "the final parameters' hash is not that of the parameters that the changes lead to";
        End = new AuditEnd(end.Cancelled, (long)end.Trials, end.Loss);
        return null;
    }
}

/// <summary>Where a record lies: its length begins at Offset, its bytes at Start.</summary>
[StructLayout(LayoutKind.Auto)]
internal readonly record struct AuditFrame(int Offset, int Start, int Length)
{
    /// <summary>Field 1 with its tag and length: what every record begins with, and all that the last one is.</summary>
    public const int HashFieldLength = 2 + Sha256.Size;

    private const byte HashTag = 0x0A;

    /// <summary>Behind the record.</summary>
    public int End => Start + Length;

    /// <summary>All whole records; what stands where a record's length should be, if it cannot be one.</summary>
    public static List<AuditFrame> Split(ReadOnlySpan<byte> bytes, out string? broken)
    {
        broken = null;
        var frames = new List<AuditFrame>();
        int at = 0;
        while (at < bytes.Length)
        {
            long length = 0;
            int size = 0;
            byte last;
            do
            {
                if (at + size == bytes.Length)
                    return frames;
                last = bytes[at + size];
                length |= (long)(last & 0x7F) << (7 * size);
                size++;
            }
            while (last >= 0x80 && size < 5);

            if (last >= 0x80 || (last == 0 && size > 1) || length < HashFieldLength)
            {
                broken = "the bytes are no length of a record";
                return frames;
            }

            if (length > bytes.Length - at - size)
                return frames;
            frames.Add(new AuditFrame(at, at + size, (int)length));
            at = frames[^1].End;
        }

        return frames;
    }

    /// <summary>Whether a record begins as it must.</summary>
    public static bool HasHash(ReadOnlySpan<byte> record) => record[0] == HashTag && record[1] == Sha256.Size;

    /// <summary>The hash that a record begins with.</summary>
    public static ReadOnlySpan<byte> Hash(ReadOnlySpan<byte> record) => record[2..HashFieldLength];
}
