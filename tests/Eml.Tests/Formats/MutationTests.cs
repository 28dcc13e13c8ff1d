using Eml.Formats;
using Eml.Functions;
using Eml.Numerics;

namespace Eml.Tests.Formats;

/// <summary>Damaged files: they are refused in an orderly way or read, and never cost much more memory than they are long.</summary>
public class MutationTests
{
    private const int Rounds = 3000;

    [Theory]
    [InlineData(FileFormat.Json)]
    [InlineData(FileFormat.Browser)]
    [InlineData(FileFormat.Safetensors)]
    [InlineData(FileFormat.Protobuf)]
    public void Damaged_files_are_refused_or_read(FileFormat format)
    {
        var random = new Random((int)format);
        var files = new List<byte[]>();
        for (int i = 0; i < 6; i++)
        {
            files.Add(ModelFile.Write(Models.Tree(random), format));
            if (format != FileFormat.Browser)
            {
                files.Add(ModelFile.Write(Models.Model(random, i % 2 == 0 ? Profile.EmlCore01 : Profile.Default), format));
                files.Add(ModelFile.Write(AttentionFormatTests.Block(random), format));
                files.Add(ModelFile.Write(EmlAttentionFormatTests.Block(random), format));
            }
        }

        int refused = 0;
        for (int round = 0; round < Rounds; round++)
        {
            byte[] file = Damage(files[random.Next(files.Count)], random);
            if (!Survives(file, bytes => ModelFile.Read(bytes, round % 2 == 0 ? format : FileFormat.Auto)))
                refused++;
            Survives(file, bytes => ModelFile.ReadModel(bytes, format));
            Survives(file, bytes => ModelFile.ReadSafeTree(bytes, format));
            Survives(file, bytes => ModelFile.ReadEmlAttention(bytes, format));
        }

        Assert.InRange(refused, Rounds / 10, Rounds);
    }

    [Fact]
    public void Damaged_event_logs_are_refused_or_read()
    {
        var random = new Random(9);
        EmlEvent[] events = [new EmlEvent.Trained("m", 1, 2, 3, true, 4), new EmlEvent.Prediction("é", "h", [1.5, 2.5]), new EmlEvent.Reset("m", "r")];
        byte[] json = System.Text.Encoding.UTF8.GetBytes(EventText.ToJson(events)), protobuf = EventText.ToProtobuf(events);
        for (int round = 0; round < Rounds; round++)
        {
            Survives(Damage(json, random), bytes => EventText.ParseList(bytes));
            Survives(Damage(protobuf, random), bytes => EventText.ParseProtobuf(bytes));
        }
    }

    private static byte[] Damage(byte[] file, Random random)
    {
        byte[] damaged = [.. file];
        for (int i = random.Next(3); i >= 0 && damaged.Length > 0; i--)
        {
            int at = random.Next(damaged.Length);
            switch (random.Next(5))
            {
                case 0:
                    damaged[at] ^= (byte)(1 << random.Next(8));
                    break;
                case 1:
                    damaged[at] = (byte)random.Next(256);
                    break;
                case 2:
                    damaged = damaged[..at];
                    break;
                case 3: // a piece is lost
                    damaged = [.. damaged[..at], .. damaged[random.Next(at, damaged.Length)..]];
                    break;
                default: // a piece stands twice
                    damaged = [.. damaged[..at], .. damaged[random.Next(at)..]];
                    break;
            }
        }

        return damaged;
    }

    /// <summary>False if the bytes were refused. Any failure but an EmlException about bytes fails the test.</summary>
    private static bool Survives(byte[] file, Action<byte[]> read)
    {
        long before = GC.GetAllocatedBytesForCurrentThread();
        bool accepted = true;
        try
        {
            read(file);
        }
        catch (EmlException e)
        {
            accepted = false;
            Assert.True(e.Code is ErrorCode.Format or ErrorCode.NonFinite or ErrorCode.Limit or ErrorCode.Version, e.ToString());
            Assert.True(e.ByteOffset <= (ulong)file.Length || e.ByteOffset == EmlException.NoOffset, e.ToString());
            Assert.InRange(e.Message.Length, 10, 2000);
        }

        Assert.InRange(GC.GetAllocatedBytesForCurrentThread() - before, 0, 1_000_000 + 100L * file.Length);
        return accepted;
    }
}
