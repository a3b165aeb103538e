"""RSPNet's checkpoints, from networks built here as the original's files lay them out; outputs must not change."""

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from auxskd_mm.errors import InputError
from auxskd_mm.registry import MODELS
from auxskd_mm.zoo.convert_checkpoint import convert_checkpoint, convert_state_dict

WIDTH, DIM, QUEUE = 4, 6, 10


class HaraBlock(nn.Module):
    """Two 3x3x3 convolutions; where the size changes a 1x1x1 one on the shortcut, in a Sequential with its BN."""

    def __init__(self, before, after, stride):
        super().__init__()
        self.conv1, self.bn1 = nn.Conv3d(before, after, 3, stride, 1, bias=False), nn.BatchNorm3d(after)
        self.conv2, self.bn2 = nn.Conv3d(after, after, 3, 1, 1, bias=False), nn.BatchNorm3d(after)
        if stride != 1 or before != after:
            self.downsample = nn.Sequential(nn.Conv3d(before, after, 1, stride, bias=False), nn.BatchNorm3d(after))

    def forward(self, x):
        out = self.bn2(self.conv2(F.relu(self.bn1(self.conv1(x)))))
        return F.relu(out + (self.downsample(x) if hasattr(self, 'downsample') else x))


class HaraResNet(nn.Module):
    """RSPNet's ``resnet18``, at any width: 7x7x7 stem, 3x3x3 max-pool of stride 2, four stages of two blocks, an fc."""

    def __init__(self, width):
        super().__init__()
        self.conv1, self.bn1 = nn.Conv3d(3, width, 7, (1, 2, 2), 3, bias=False), nn.BatchNorm3d(width)
        before = width
        for stage in range(4):
            after = width * 2**stage
            blocks = [HaraBlock(before, after, 2 if stage else 1), HaraBlock(after, after, 1)]
            self.add_module(f'layer{stage + 1}', nn.Sequential(*blocks))
            before = after
        self.fc = nn.Linear(before, 1)

    def forward(self, x):
        x = F.max_pool3d(F.relu(self.bn1(self.conv1(x))), 3, 2, 1)
        return self.layer4(self.layer3(self.layer2(self.layer1(x))))


def vcop_network(kind):
    backbone = MODELS.build(dict(type=f'auxskd_mm.{kind}', base_channels=WIDTH))
    backbone.linear = nn.Linear(8 * WIDTH, 1)  # a classifier that RSPNet never uses
    return backbone


NETWORKS = {
    'resnet18': (lambda: HaraResNet(WIDTH), dict(type='auxskd_mm.ResNet3dHara', base_channels=WIDTH)),
    'r2plus1d-vcop': (lambda: vcop_network('R2Plus1DVCOP'), dict(type='auxskd_mm.R2Plus1DVCOP', base_channels=WIDTH)),
    'c3d': (lambda: vcop_network('C3DBN'), dict(type='auxskd_mm.C3DBN', base_channels=WIDTH)),
}


class ConvProjection(nn.Module):
    """RSPNet's ``conv`` and ``convbn``, whose layers have names."""

    def __init__(self, kind):
        super().__init__()
        self.conv1 = nn.Conv3d(8 * WIDTH, 8 * WIDTH, 3, padding=1)
        if kind == 'conv':
            self.conv2 = nn.Conv3d(8 * WIDTH, 8 * WIDTH, 3, padding=1)
        else:
            self.bn = nn.BatchNorm3d(8 * WIDTH)
        self.linear = nn.Linear(8 * WIDTH, DIM)

    def forward(self, x):
        x = self.conv1(x)
        x = self.conv2(F.relu(x)) if hasattr(self, 'conv2') else F.relu(self.bn(x))
        return self.linear(x.mean((2, 3, 4)))


class MultiTask(nn.Module):
    """Backbone ``encoder`` with two projections of pooling, flattening and linear layers."""

    def __init__(self, encoder, kind):
        super().__init__()
        self.encoder = encoder
        for name in ('fc1', 'fc2'):
            if kind in ('conv', 'convbn'):
                self.add_module(name, ConvProjection(kind))
                continue
            layers = [nn.AdaptiveAvgPool3d(1), nn.Flatten()]
            layers += [nn.Linear(8 * WIDTH, 8 * WIDTH), nn.ReLU()] if kind == 'mlp' else []
            self.add_module(name, nn.Sequential(*layers, nn.Linear(8 * WIDTH, DIM)))

    def forward(self, x):
        feats = self.encoder(x)
        return torch.cat([F.normalize(self.fc1(feats), dim=1), F.normalize(self.fc2(feats), dim=1)], 1)


def original(network, kind):
    torch.manual_seed(0)
    model = nn.Module()
    for name in ('encoder_q', 'encoder_k'):
        encoder = MultiTask(NETWORKS[network][0](), kind)
        encoder(torch.randn(3, 3, 16, 32, 32))  # so that running statistics are not those of a fresh network
        model.add_module(name, encoder.eval())
    model.register_buffer('queue', F.normalize(torch.randn(DIM, QUEUE), dim=0))
    model.register_buffer('queue_ptr', torch.tensor([7]))
    return model


@pytest.mark.parametrize('network', NETWORKS)
@pytest.mark.parametrize('kind', ['linear', 'mlp', 'conv', 'convbn'])
def test_outputs_are_the_same(network, kind, tmp_path):
    theirs = original(network, kind)
    source, target = tmp_path / 'checkpoint.pth.tar', tmp_path / 'ours.pth'
    optimizer = torch.optim.SGD(theirs.parameters(), lr=0.1)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, 200)
    extra = dict(epoch=3, best_loss=1.5, optimizer=optimizer.state_dict(), scheduler=schedule.state_dict())
    torch.save(dict(model=theirs.state_dict(), arch=network, **extra), source)
    result = convert_checkpoint(source, target)
    assert result.kind == 'rspnet'
    unused = {'resnet18': 'fc'}.get(network, 'linear')
    assert set(result.dropped) == {
        f'{encoder}.encoder.{unused}.{leaf}' for encoder in ('encoder_q', 'encoder_k') for leaf in ('weight', 'bias')
    }
    head = dict(type='auxskd_mm.RelativeSpeedHead', in_channels=8 * WIDTH, out_channels=DIM, kind=kind)
    ours = MODELS.build(dict(type='auxskd_mm.RSPNet', backbone=NETWORKS[network][1], head_a=head, queue_size=QUEUE))
    ours.load_state_dict(torch.load(target, weights_only=True)['state_dict'])  # strict: every tensor has its place
    ours.eval()
    clips = torch.randn(2, 3, 16, 32, 32)
    with torch.no_grad():
        assert torch.allclose(ours.backbone(clips), theirs.encoder_q.encoder(clips), atol=1e-6)
        assert torch.allclose(ours.embed(ours, clips), theirs.encoder_q(clips), atol=1e-6)
        assert torch.allclose(ours.embed(ours.teacher, clips), theirs.encoder_k(clips), atol=1e-6)
    assert not torch.allclose(theirs.encoder_q(clips), theirs.encoder_k(clips), atol=1e-2)
    assert torch.equal(ours.queue.features, theirs.queue.T)
    assert (ours.queue.pointer.item(), ours.queue.filled.item()) == (7, QUEUE)
    # A key that enters where the original's pointer stands takes the place that it would have there.
    ours.queue.enqueue(torch.ones(1, DIM))
    theirs.queue[:, theirs.queue_ptr.item()] = 1
    assert torch.equal(ours.queue.features, theirs.queue.T)


def test_the_query_encoder_alone_and_data_parallel_names():
    state = {key: value for key, value in original('resnet18', 'linear').state_dict().items() if 'encoder_q' in key}
    for names in (state, {f'module.{key}': value for key, value in state.items()}):
        result = convert_state_dict(names)
        assert result.kind == 'rspnet'
        assert {key.split('.')[0] for key in result.state_dict} == {'backbone', 'head_a', 'head_m'}
    backbone = MODELS.build(NETWORKS['resnet18'][1])
    mine = {key[9:]: value for key, value in result.state_dict.items() if key.startswith('backbone.')}
    backbone.load_state_dict(mine)


def test_its_s3dg_is_refused():
    with pytest.raises(InputError, match="RSPNet's S3D-G is another network") as error:
        convert_state_dict({'encoder_q.encoder.feature.sepConv1.sep_conv.0.conv3d.weight': torch.zeros(1)}, 'a.pth')
    assert str(error.value).startswith('a.pth: ')
