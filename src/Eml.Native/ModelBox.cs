using Eml.Functions;

namespace Eml.Native;

/// <summary>A model behind a handle.</summary>
internal sealed class ModelBox(EmlModel model) : EventBox(model.Events)
{
    public EmlModel Model { get; } = model;
}
