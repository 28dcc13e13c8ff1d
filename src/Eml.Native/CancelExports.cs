using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using Eml.Numerics;

namespace Eml.Native;

/// <summary>Cancel tokens.</summary>
internal static unsafe class CancelExports
{
    [UnmanagedCallersOnly(EntryPoint = "eml_cancel_create", CallConvs = [typeof(CallConvCdecl)])]
    public static int Create(nint* result) => Out.Handle(result, Kind.Cancel, () => new Cancel());

    [UnmanagedCallersOnly(EntryPoint = "eml_cancel_set", CallConvs = [typeof(CallConvCdecl)])]
    public static int Set(nint cancel) => Failure.Guard(() => Get(cancel).Set());

    [UnmanagedCallersOnly(EntryPoint = "eml_cancel_reset", CallConvs = [typeof(CallConvCdecl)])]
    public static int Reset(nint cancel) => Failure.Guard(() => Get(cancel).Reset());

    [UnmanagedCallersOnly(EntryPoint = "eml_cancel_is_set", CallConvs = [typeof(CallConvCdecl)])]
    public static int IsSet(nint cancel, int* result) => Failure.Guard(() =>
    {
        Arguments.NotNull(result, "out");
        *result = Get(cancel).IsSet ? 1 : 0;
    });

    [UnmanagedCallersOnly(EntryPoint = "eml_cancel_free", CallConvs = [typeof(CallConvCdecl)])]
    public static int Free(nint cancel) => Failure.Guard(() => Handles.Free(cancel, Kind.Cancel));

    /// <summary>The token itself: work that holds it goes on safely when its handle is freed.</summary>
    public static Cancel Get(nint cancel) => Handles.Get<Cancel>(cancel, Kind.Cancel);

    /// <summary>The token of an option that may be NULL.</summary>
    public static Cancel? GetOrNull(nint cancel) => cancel == 0 ? null : Get(cancel);
}
