def test_smoke(trained):
    print(trained.bundle.files)
