using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using Eml.Formats;
using Eml.Functions;

namespace Eml.Native;

/// <summary>Attention blocks as bytes and files.</summary>
internal static unsafe class AttentionFileExports
{
    [UnmanagedCallersOnly(EntryPoint = "eml_attention_export", CallConvs = [typeof(CallConvCdecl)])]
    public static int Export(nint attention, int format, void* buf, ulong cap, ulong* need) => Failure.Guard(() =>
    {
        using SharedUse<AttentionBox> use = AttentionExports.Read(attention);
        Arguments.Out(Write(use.Target, Files.Format(format)), buf, cap, need);
    });

    [UnmanagedCallersOnly(EntryPoint = "eml_attention_export_buffer", CallConvs = [typeof(CallConvCdecl)])]
    public static int ExportBuffer(nint attention, int format, nint* result) => Out.Handle(result, Kind.Buffer, () =>
    {
        using SharedUse<AttentionBox> use = AttentionExports.Read(attention);
        return new NativeBuffer(Write(use.Target, Files.Format(format)));
    });

    [UnmanagedCallersOnly(EntryPoint = "eml_attention_import", CallConvs = [typeof(CallConvCdecl)])]
    public static int Import(void* bytes, ulong len, int format, nint* result) => Out.Handle(result, Kind.Attention,
        () => Read(Arguments.Array((byte*)bytes, len, "bytes"), Files.Format(format)));

    [UnmanagedCallersOnly(EntryPoint = "eml_attention_save", CallConvs = [typeof(CallConvCdecl)])]
    public static int Save(nint attention, byte* path, ulong pathLen, int format) => Failure.Guard(() =>
    {
        using Use<AttentionBox> use = AttentionExports.Write(attention);
        AttentionBox box = use.Target;
        string file = Arguments.Path(path, pathLen);
        AtomicFile.Write(file, Write(box, Files.FormatToWrite(format, file)));
        box.Push(new EmlEvent.Saved(box.DisplayName, file, (ulong)box.Parameters.Length));
        Log.Write(Log.Info, $"saved {file}");
    });

    [UnmanagedCallersOnly(EntryPoint = "eml_attention_load", CallConvs = [typeof(CallConvCdecl)])]
    public static int Load(byte* path, ulong pathLen, int format, nint* result) => Out.Handle(result, Kind.Attention, () =>
    {
        string file = Arguments.Path(path, pathLen);
        AttentionBox box = Read(Files.Read(file), Files.Format(format));
        box.Push(new EmlEvent.Loaded(box.DisplayName, file, box.Trained, 0));
        Log.Write(Log.Info, $"loaded {file}");
        return box;
    });

    private static byte[] Write(AttentionBox box, FileFormat format) =>
        box.Core is { } core ? ModelFile.Write(core, format) : ModelFile.Write(box.Block!, format);

    private static AttentionBox Read(ReadOnlySpan<byte> bytes, FileFormat format) => ModelFile.ReadAnyAttention(bytes, format) switch
    {
        AttentionBlock core => new AttentionBox(core),
        object block => new AttentionBox((EmlAttention)block),
    };
}
