using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using Eml.Formats;
using Eml.Functions;

namespace Eml.Native;

/// <summary>Models as bytes and files.</summary>
internal static unsafe class ModelFileExports
{
    [UnmanagedCallersOnly(EntryPoint = "eml_model_export", CallConvs = [typeof(CallConvCdecl)])]
    public static int Export(nint model, int format, void* buf, ulong cap, ulong* need) => Failure.Guard(() =>
    {
        using SharedUse<ModelBox> use = ModelExports.Read(model);
        Arguments.Out(ModelFile.Write(use.Target.Model, Files.Format(format)), buf, cap, need);
    });

    [UnmanagedCallersOnly(EntryPoint = "eml_model_export_buffer", CallConvs = [typeof(CallConvCdecl)])]
    public static int ExportBuffer(nint model, int format, nint* result) => Out.Handle(result, Kind.Buffer, () =>
    {
        using SharedUse<ModelBox> use = ModelExports.Read(model);
        return new NativeBuffer(ModelFile.Write(use.Target.Model, Files.Format(format)));
    });

    [UnmanagedCallersOnly(EntryPoint = "eml_model_import", CallConvs = [typeof(CallConvCdecl)])]
    public static int Import(void* bytes, ulong len, int format, nint* result) => Out.Handle(result, Kind.Model,
        () => new ModelBox(ModelFile.ReadModel(Arguments.Array((byte*)bytes, len, "bytes"), Files.Format(format))));

    [UnmanagedCallersOnly(EntryPoint = "eml_model_save", CallConvs = [typeof(CallConvCdecl)])]
    public static int Save(nint model, byte* path, ulong pathLen, int format) => Failure.Guard(() =>
    {
        using Use<ModelBox> use = ModelExports.Write(model);
        EmlModel m = use.Target.Model;
        string file = Arguments.Path(path, pathLen);
        AtomicFile.Write(file, ModelFile.Write(m, Files.FormatToWrite(format, file)));
        use.Target.Push(new EmlEvent.Saved(m.DisplayName, file, (ulong)m.ParameterCount));
        Log.Write(Log.Info, $"saved {file}");
    });

    [UnmanagedCallersOnly(EntryPoint = "eml_model_load", CallConvs = [typeof(CallConvCdecl)])]
    public static int Load(byte* path, ulong pathLen, int format, nint* result) => Out.Handle(result, Kind.Model, () =>
    {
        string file = Arguments.Path(path, pathLen);
        EmlModel m = ModelFile.ReadModel(Files.Read(file), Files.Format(format));
        var box = new ModelBox(m);
        box.Push(new EmlEvent.Loaded(m.DisplayName, file, m.Trained, 0));
        Log.Write(Log.Info, $"loaded {file}");
        return box;
    });
}
