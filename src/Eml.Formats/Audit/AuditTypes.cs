namespace Eml.Formats.Audit;

/// <summary>Takes the next bytes of a log: a whole record with its length. What it throws ends the training.</summary>
public delegate void AuditSink(ReadOnlySpan<byte> bytes);

/// <summary>What a log begins with: all that a training depends on but the data, of which it has the hash.</summary>
/// <param name="Kind">What is trained; says how <paramref name="Configuration"/> is to be read.</param>
/// <param name="Configuration">Shape and options, in the kind's own message.</param>
/// <param name="Seed">Start of the random numbers.</param>
/// <param name="DataHash">SHA-256 of the samples, as the kind defines it.</param>
/// <param name="Parameters">The parameters before the training.</param>
public sealed record AuditHeader(string Kind, byte[] Configuration, ulong Seed, byte[] DataHash, double[] Parameters);

/// <summary>What a log ends with.</summary>
/// <param name="Cancelled">The training was stopped.</param>
/// <param name="Trials">Trials done in full.</param>
/// <param name="Loss">The loss at the end.</param>
public readonly record struct AuditEnd(bool Cancelled, long Trials, double Loss);

/// <summary>What a check of a log found. The values are those of <c>EML_AUDIT_…</c> in <c>include/eml.h</c>.</summary>
public enum AuditVerdict
{
    /// <summary>The log is whole, and training again gives every record of it.</summary>
    Ok = 0,
    /// <summary>The log ends too early; every whole record is right.</summary>
    Truncated = 1,
    /// <summary>Bytes that are no record, or a record that cannot stand where it stands.</summary>
    Malformed = 2,
    /// <summary>A record is not what was written: the one after it names another hash.</summary>
    Changed = 3,
    /// <summary>In front of this record others are missing.</summary>
    Missing = 4,
    /// <summary>A record stands twice.</summary>
    Doubled = 5,
    /// <summary>A record stands in another's place.</summary>
    Reordered = 6,
    /// <summary>The data are not those that the log was written with.</summary>
    OtherData = 7,
    /// <summary>The log agrees with itself, but training again gives another record: another seed, another move.</summary>
    Differs = 8,
    /// <summary>Not checked to the end: the token or the progress callback stopped it.</summary>
    Stopped = 9,
}

/// <summary>The outcome of a check.</summary>
/// <param name="Verdict">What was found.</param>
/// <param name="Record">Number, from 0, of the first record that is wrong; as many as are right if none is.</param>
/// <param name="ByteOffset">Where that record begins, or would.</param>
/// <param name="Message">The finding in words.</param>
/// <param name="StopValue">What the progress callback stopped the check with.</param>
public sealed record AuditReport(AuditVerdict Verdict, int Record, ulong ByteOffset, string Message, int StopValue = 0);
