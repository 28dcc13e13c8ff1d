using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using Eml.Numerics;

namespace Eml.Native;

/// <summary>Version, build and errors.</summary>
internal static unsafe class LibraryExports
{
    private const uint AbiVersion = 1;

    private static readonly byte[] s_version = Failure.Pin(BuildInfo.Version);

    private static readonly byte[] s_buildInfo = Failure.Pin(
        $$"""{"version":"{{BuildInfo.Version}}","commit":"{{BuildInfo.Commit}}","rid":"{{BuildInfo.Rid}}","isa":"{{BuildInfo.Isa}}","vector_bits":{{Hardware.VectorBits}},"runtime":".NET {{Environment.Version}} Native AOT"}""");

    private static readonly (int Code, byte[] Name)[] s_statusNames =
    [
        (Failure.Ok, Failure.Pin("EML_OK")), (Failure.Done, Failure.Pin("EML_DONE")), (Failure.OutOfFuel, Failure.Pin("EML_OUT_OF_FUEL")),
        (Failure.Cancelled, Failure.Pin("EML_CANCELLED")), (Failure.Trapped, Failure.Pin("EML_TRAPPED")),
        (Failure.Exited, Failure.Pin("EML_EXITED")),
        ((int)ErrorCode.Argument, Failure.Pin("EML_E_ARGUMENT")), ((int)ErrorCode.Handle, Failure.Pin("EML_E_HANDLE")),
        ((int)ErrorCode.Busy, Failure.Pin("EML_E_BUSY")), ((int)ErrorCode.Shape, Failure.Pin("EML_E_SHAPE")),
        ((int)ErrorCode.NonFinite, Failure.Pin("EML_E_NONFINITE")), ((int)ErrorCode.Buffer, Failure.Pin("EML_E_BUFFER")),
        ((int)ErrorCode.State, Failure.Pin("EML_E_STATE")), ((int)ErrorCode.Format, Failure.Pin("EML_E_FORMAT")),
        ((int)ErrorCode.Io, Failure.Pin("EML_E_IO")), ((int)ErrorCode.Limit, Failure.Pin("EML_E_LIMIT")),
        ((int)ErrorCode.Memory, Failure.Pin("EML_E_MEMORY")), ((int)ErrorCode.Version, Failure.Pin("EML_E_VERSION")),
        ((int)ErrorCode.Unsupported, Failure.Pin("EML_E_UNSUPPORTED")), ((int)ErrorCode.Internal, Failure.Pin("EML_E_INTERNAL")),
    ];

    private static readonly byte[] s_statusUnknown = Failure.Pin("EML_STATUS_UNKNOWN");

    [UnmanagedCallersOnly(EntryPoint = "eml_version", CallConvs = [typeof(CallConvCdecl)])]
    public static byte* Version() => Address(s_version);

    [UnmanagedCallersOnly(EntryPoint = "eml_abi_version", CallConvs = [typeof(CallConvCdecl)])]
    public static uint Abi() => AbiVersion;

    [UnmanagedCallersOnly(EntryPoint = "eml_build_info", CallConvs = [typeof(CallConvCdecl)])]
    public static byte* Build() => Address(s_buildInfo);

    [UnmanagedCallersOnly(EntryPoint = "eml_status_name", CallConvs = [typeof(CallConvCdecl)])]
    public static byte* StatusName(int status)
    {
        foreach ((int code, byte[] name) in s_statusNames)
        {
            if (code == status)
            {
                return Address(name);
            }
        }

        return Address(s_statusUnknown);
    }

    // These two report on failures and must not make one out of a caller's mistake that hides the failure asked for.
    [UnmanagedCallersOnly(EntryPoint = "eml_last_error", CallConvs = [typeof(CallConvCdecl)])]
    public static int LastError(ErrorStruct* result) => Failure.Guard(() => Versioned.Write(result, Failure.Last(), "out"));

    [UnmanagedCallersOnly(EntryPoint = "eml_last_error_message", CallConvs = [typeof(CallConvCdecl)])]
    public static int LastErrorMessage(byte* buf, ulong cap, ulong* need)
    {
        ErrorStruct last = Failure.Last();
        if (need is null)
        {
            return (int)ErrorCode.Argument;
        }

        *need = last.MessageLen + 1;
        if (cap < *need || buf is null)
        {
            return cap < *need ? (int)ErrorCode.Buffer : (int)ErrorCode.Argument;
        }

        Unsafe.CopyBlockUnaligned(buf, last.Message, (uint)*need);
        return Failure.Ok;
    }

    internal static byte* Address(byte[] pinned) => (byte*)Marshal.UnsafeAddrOfPinnedArrayElement(pinned, 0);
}
